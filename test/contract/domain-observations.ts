/** Foreign domains have the UUID of a Server but another owner. */
import { describe, expect, it } from 'vitest'
import { waitUntil } from '../rig/wait-until.ts'
import { type ContractHost, ctx, prepareAndDefine } from './contract-host.ts'
import { domainCalls, domainStates, newPreparedGuest, newRunningGuest, outcomeOf } from './domain-calls.ts'

export function describeForeignDomains(getHost: () => ContractHost): void {
  const owners = [
    ['no Server', undefined, 'Terminal UUIDInUse'],
    ['another Server', { namespace: 'other', name: 'web', uid: 'u2' }, 'Transient UUIDInUse'],
  ] as const

  describe.each(owners)('a domain of the same UUID that %s owns', (_, owner, inUse) => {
    it('is missing to observe, runningBootId, destroy and undefine; other calls throw; no call changes it', async () => {
      const host = getHost()
      const guest = await newPreparedGuest(host)
      await host.startForeignDomain(guest, owner)
      const { domains } = host.host
      expect(await domains.observe(guest)).toEqual({ power: 'missing' })
      expect(await domains.runningBootId(guest)).toBeUndefined()
      const outcomes = Object.entries(domainCalls).map(async ([name, call]) => [
        name,
        await outcomeOf(host, guest, call),
      ])
      expect(Object.fromEntries(await Promise.all(outcomes))).toEqual({
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

export function describeRunningBootId(getHost: () => ContractHost): void {
  describe('runningBootId', () => {
    it('is the boot ID of the definition that the domain was started with, until the domain is off', async () => {
      const host = getHost()
      const { domains } = host.host
      const guest = await newRunningGuest(host)
      expect(await domains.runningBootId(guest)).toBe('b1')
      await domains.define(guest, 'b2', ctx)
      expect(await domains.runningBootId(guest), 'defined anew').toBe('b1')
      await domains.pause(guest, ctx)
      expect(await domains.runningBootId(guest), 'paused').toBe('b1')
      await domains.destroy(guest, ctx)
      expect(await domains.runningBootId(guest), 'off').toBeUndefined()
      await domainCalls.start(host, guest)
      expect(await domains.runningBootId(guest), 'started again').toBe('b2')
    })

    it('stays the same when libvirtd and the agent are restarted', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await host.restartLibvirtd()
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
      await host.restartAgent()
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
    })

    it('is undefined while the memory is saved, and the same as before when it is restored', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await domainCalls.save(host, guest)
      expect(await host.host.domains.runningBootId(guest)).toBeUndefined()
      await domainCalls.start(host, guest)
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
    })

    it('is the boot ID of the saved memory when the domain was defined anew before the restore', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await domainCalls.save(host, guest)
      await host.host.domains.define(guest, 'b2', ctx)
      await domainCalls.start(host, guest)
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
    })
  })
}

export function describeObservedReasons(getHost: () => ContractHost): void {
  describe('observe returns the reason', () => {
    it('booted, user, unpaused or destroyed after start, pause, unpause or destroy', async () => {
      const host = getHost()
      const { domains } = host.host
      const guest = await newRunningGuest(host)
      expect(await domains.observe(guest)).toEqual({ power: 'running', reason: 'booted', bootId: 'b1' })
      await domains.pause(guest, ctx)
      expect(await domains.observe(guest)).toEqual({ power: 'paused', reason: 'user', bootId: 'b1' })
      await domains.unpause(guest, ctx)
      expect(await domains.observe(guest)).toEqual({ power: 'running', reason: 'unpaused', bootId: 'b1' })
      await domains.destroy(guest, ctx)
      expect(await domains.observe(guest)).toEqual({ power: 'off', reason: 'destroyed' })
    })

    it('saved after a save, and restored after the start that follows', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await domainCalls.save(host, guest)
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'saved', reason: 'saved' })
      await domainCalls.start(host, guest)
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'running', reason: 'restored', bootId: 'b1' })
    })

    it('unknown when the domain was never started', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'off', reason: 'unknown' })
    })

    it('crashed when QEMU was killed', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await host.killQemu(guest)
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'off', reason: 'crashed' })
    })

    it('unknown when libvirtd was restarted after the domain went off', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await host.host.domains.destroy(guest, ctx)
      await host.restartLibvirtd()
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'off', reason: 'unknown' })
    })
  })
}

export function describeRequestShutdown(getHost: () => ContractHost): void {
  describe('requestShutdown', () => {
    it('makes the guest power off when its system is up', { timeout: 300_000 }, async () => {
      const host = getHost()
      const guest = await newRunningGuest(host, { hasSystem: true })
      await host.waitForBoot(guest)
      await host.host.domains.requestShutdown(guest, ctx)
      const isOff = async () => (await host.host.domains.observe(guest)).power === 'off'
      await waitUntil(isOff, { what: 'the guest to power off', deadline: 60_000 })
      expect(await host.host.domains.observe(guest)).toEqual({ power: 'off', reason: 'shutdown' })
    })

    it('leaves a guest that ignores it running', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      const qemu = await host.qemuOf(guest)
      await host.host.domains.requestShutdown(guest, ctx)
      expect((await host.host.domains.observe(guest)).power).toBe('running')
      expect(await host.qemuOf(guest)).toEqual(qemu)
    })
  })
}

export function describeInjectNmi(getHost: () => ContractHost): void {
  describe('injectNmi', () => {
    it.each(['running', 'paused', 'transient'] as const)(
      'returns sent when the domain is %s, also when it is repeated',
      async (state) => {
        const host = getHost()
        const guest = await newPreparedGuest(host)
        await domainCalls.define(host, guest)
        await domainStates[state](host, guest)
        for (let i = 0; i < 2; i++) expect(await host.host.domains.injectNmi(guest, 'r1', ctx)).toBe('sent')
        await host.restartAgent()
        expect(await host.host.domains.injectNmi(guest, 'r1', ctx), 'another agent').toBe('sent')
        expect(await host.host.domains.injectNmi(guest, 'r2', ctx), 'another request').toBe('sent')
      },
    )

    it.each(['missing', 'off', 'saved'] as const)('returns notRunning when the domain is %s', async (state) => {
      const host = getHost()
      const guest = await newPreparedGuest(host)
      await domainStates[state](host, guest)
      expect(await host.host.domains.injectNmi(guest, 'r1', ctx)).toBe('notRunning')
    })
  })
}
