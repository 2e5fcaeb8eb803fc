/** Contract of Domains: what is observed of a domain, and whose it is. */
import { describe, expect, it } from 'vitest'
import { waitUntil } from '../rig/wait-until.ts'
import { type ContractHost, ctx, prepareAndDefine } from './contract-host.ts'
import { calls, outcomeOf, prepared, started, states } from './domain-calls.ts'

export function foreignDomains(getHost: () => ContractHost): void {
  const owners = [
    ['no Server', undefined, 'Terminal UUIDInUse'],
    ['another Server', { namespace: 'other', name: 'web', uid: 'u2' }, 'Transient UUIDInUse'],
  ] as const

  describe.each(owners)('a domain of the same UUID that %s owns', (_, owner, inUse) => {
    it('is absent to observe, runningBootId, destroy and undefine; everything else throws; nothing touches it', async () => {
      const host = getHost()
      const guest = await prepared(host)
      await host.startForeignDomain(guest, owner)
      const { domains } = host.host
      expect(await domains.observe(guest)).toEqual({ power: 'missing' })
      expect(await domains.runningBootId(guest)).toBeUndefined()
      const got = Object.entries(calls).map(async ([name, call]) => [name, await outcomeOf(host, guest, call)])
      expect(Object.fromEntries(await Promise.all(got))).toEqual({
        define: inUse,
        start: inUse,
        requestShutdown: inUse,
        destroy: 'missing',
        pause: inUse,
        unpause: inUse,
        save: inUse,
        injectNmi: inUse,
        undefine: 'missing',
      })
      expect(await host.rawState(guest)).toBe('running')
    })
  })
}

export function bootIds(getHost: () => ContractHost): void {
  describe('runningBootId', () => {
    it('is that of the definition that the domain was started with, until it is off', async () => {
      const host = getHost()
      const { domains } = host.host
      const guest = await started(host)
      expect(await domains.runningBootId(guest)).toBe('b1')
      await domains.define(guest, 'b2', ctx)
      expect(await domains.runningBootId(guest), 'defined anew').toBe('b1')
      await domains.pause(guest, ctx)
      expect(await domains.runningBootId(guest), 'paused').toBe('b1')
      await domains.destroy(guest, ctx)
      expect(await domains.runningBootId(guest), 'off').toBeUndefined()
      await domains.start(guest, ctx)
      expect(await domains.runningBootId(guest), 'started again').toBe('b2')
    })

    it('lasts over a restart of libvirtd and of the agent', async () => {
      const host = getHost()
      const guest = await started(host)
      await host.restartLibvirtd()
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
      await host.restartAgent()
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
    })

    it('is none while the memory is saved, and the same again when it is restored', async () => {
      const host = getHost()
      const guest = await started(host)
      await calls.save(host, guest)
      expect(await host.host.domains.runningBootId(guest)).toBeUndefined()
      await host.host.domains.start(guest, ctx)
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
    })

    it('is that of the saved memory when the domain was defined anew in between', async () => {
      const host = getHost()
      const guest = await started(host)
      await calls.save(host, guest)
      await host.host.domains.define(guest, 'b2', ctx)
      await host.host.domains.start(guest, ctx)
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
    })
  })
}

export function observations(getHost: () => ContractHost): void {
  describe('observe says why', () => {
    it('booted, user, unpaused, destroyed', async () => {
      const host = getHost()
      const { domains } = host.host
      const guest = await started(host)
      expect(await domains.observe(guest)).toEqual({ power: 'running', reason: 'booted', bootId: 'b1' })
      await domains.pause(guest, ctx)
      expect(await domains.observe(guest)).toEqual({ power: 'paused', reason: 'user', bootId: 'b1' })
      await domains.unpause(guest, ctx)
      expect(await domains.observe(guest)).toEqual({ power: 'running', reason: 'unpaused', bootId: 'b1' })
      await domains.destroy(guest, ctx)
      expect(await domains.observe(guest)).toEqual({ power: 'off', reason: 'destroyed' })
    })

    it('saved, restored', async () => {
      const host = getHost()
      const guest = await started(host)
      await calls.save(host, guest)
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'saved', reason: 'saved' })
      await host.host.domains.start(guest, ctx)
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'running', reason: 'restored', bootId: 'b1' })
    })

    it('defined and never started: unknown', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'off', reason: 'unknown' })
    })

    it('crashed, when QEMU was killed', async () => {
      const host = getHost()
      const guest = await started(host)
      await host.killQemu(guest)
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'off', reason: 'crashed' })
    })

    it('unknown, when libvirtd was restarted since the domain went off', async () => {
      const host = getHost()
      const guest = await started(host)
      await host.host.domains.destroy(guest, ctx)
      await host.restartLibvirtd()
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'off', reason: 'unknown' })
    })
  })
}

/** What becomes of a guest that is asked to power off. */
export function shutdownRequests(getHost: () => ContractHost): void {
  describe('requestShutdown', () => {
    it('leads to off, by the guest, when its system is up', { timeout: 300_000 }, async () => {
      const host = getHost()
      const guest = await started(host, { hasSystem: true })
      await host.waitForBoot(guest)
      await host.host.domains.requestShutdown(guest, ctx)
      const isOff = async () => (await host.host.domains.observe(guest)).power === 'off'
      await waitUntil(isOff, { what: 'the guest to power off', deadline: 60_000 })
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'off', reason: 'shutdown' })
    })

    it('leaves a guest that ignores it running', async () => {
      const host = getHost()
      const guest = await started(host)
      const qemu = await host.qemuOf(guest)
      await host.host.domains.requestShutdown(guest, ctx)
      expect((await host.host.domains.observe(guest)).power).toBe('running')
      expect(await host.qemuOf(guest)).toEqual(qemu)
    })
  })
}

export function nonMaskableInterrupts(getHost: () => ContractHost): void {
  describe('injectNmi', () => {
    it.each(['running', 'paused', 'transient'] as const)(
      'answers sent when the domain is %s, and when it is repeated',
      async (state) => {
        const host = getHost()
        const guest = await prepared(host)
        await calls.define(host, guest)
        await states[state](host, guest)
        for (let i = 0; i < 2; i++) expect(await host.host.domains.injectNmi(guest, 'r1', ctx)).toBe('sent')
        await host.restartAgent()
        expect(await host.host.domains.injectNmi(guest, 'r1', ctx), 'another agent').toBe('sent')
        expect(await host.host.domains.injectNmi(guest, 'r2', ctx), 'another request').toBe('sent')
      },
    )

    it.each(['missing', 'off', 'saved'] as const)('answers notRunning when the domain is %s', async (state) => {
      const host = getHost()
      const guest = await prepared(host)
      await states[state](host, guest)
      expect(await host.host.domains.injectNmi(guest, 'r1', ctx)).toBe('notRunning')
    })
  })
}
