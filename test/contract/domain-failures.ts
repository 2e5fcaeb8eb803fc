import { describe, expect, it } from 'vitest'
import { type ContractHost, ctx, prepareAndDefine, removeGuest } from './contract-host.ts'
import { domainCalls, libvirtError, newRunningGuest, outcomeOf } from './domain-calls.ts'

export function describeMissingResources(getHost: () => ContractHost): void {
  describe('without disks or ports', () => {
    it('define throws DiskMissing when the disks are lost, and leaves the domain as it is', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      await host.loseDisks(guest)
      expect(await outcomeOf(host, guest, domainCalls.define)).toBe('Transient DiskMissing')
      expect((await host.host.domains.observe(guest)).power).toBe('off')
    })

    it('start throws when the disks are lost, and leaves the domain off', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      await host.loseDisks(guest)
      expect(await outcomeOf(host, guest, domainCalls.start)).toBe(libvirtError)
      expect((await host.host.domains.observe(guest)).power).toBe('off')
    })

    it('start throws while the ports are unplugged, and works when they are plugged', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      await host.host.ports.unplug(guest, ctx)
      expect(await outcomeOf(host, guest, domainCalls.start)).toBe(libvirtError)
      await host.host.ports.plug(guest, ctx)
      expect(await outcomeOf(host, guest, domainCalls.start)).toBe('running')
    })
  })
}

export function describeCrashes(getHost: () => ContractHost): void {
  describe('after a crash', () => {
    it('a save goes on when the agent dies, and the next agent waits for it', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await host.host.domains.save(guest, ctx)
      await host.restartAgent()
      expect(await outcomeOf(host, guest, domainCalls.save)).toBe('saved')
      await domainCalls.start(host, guest)
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
    })

    it('a restore goes on when the agent dies, and the next agent waits for it', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await domainCalls.save(host, guest)
      await host.host.domains.start(guest, ctx)
      await host.restartAgent()
      expect(await outcomeOf(host, guest, domainCalls.start)).toBe('running')
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
    })

    it('a domain that is destroyed while its memory is restored stays off, without its memory', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await domainCalls.save(host, guest)
      await host.host.domains.start(guest, ctx)
      expect(await outcomeOf(host, guest, domainCalls.destroy)).toBe('off')
    })

    it('a running domain keeps its QEMU and its boot ID when libvirtd or the agent is restarted', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      const [qemu, before] = [await host.qemuOf(guest), await host.host.domains.observe(guest)]
      await host.restartLibvirtd()
      await host.restartAgent()
      expect(await host.qemuOf(guest)).toEqual(qemu)
      expect(await host.host.domains.observe(guest)).toMatchObject({ power: before.power, bootId: 'b1' })
    })

    it('a managed save outlives a restart of libvirtd', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await domainCalls.save(host, guest)
      await host.restartLibvirtd()
      expect((await host.host.domains.observe(guest)).power).toBe('saved')
      await domainCalls.start(host, guest)
      expect((await host.host.domains.observe(guest)).power).toBe('running')
    })

    it('a power failure turns domains off and keeps their disks, and they start again', async () => {
      const host = getHost()
      const [running, suspended] = [await newRunningGuest(host), await newRunningGuest(host)]
      await domainCalls.save(host, suspended)
      const disk = await host.diskIdentity(running)
      await host.powerCycle()
      expect((await host.host.domains.observe(running)).power).toBe('off')
      expect((await host.host.domains.observe(suspended)).power).toBe('saved')
      expect(await host.diskIdentity(running)).toEqual(disk)
      for (const guest of [running, suspended]) {
        await host.host.ports.plug(guest, ctx)
        await domainCalls.start(host, guest)
        expect((await host.host.domains.observe(guest)).power).toBe('running')
      }
    })

    it('a deletion that a crash interrupted at any point is finished by the next agent', async () => {
      const host = getHost()
      for (const name of ['destroy', 'undefine'] as const) {
        const guest = await newRunningGuest(host)
        await domainCalls[name](host, guest)
        await host.restartAgent()
        await removeGuest(host, guest)
        expect(await host.rawState(guest), name).toBe('missing')
        expect(await host.diskIdentity(guest), name).toBeUndefined()
        expect(await host.hasPorts(guest), name).toBe(false)
      }
    })

    it('a transient domain is persistent again when it is defined', async () => {
      const host = getHost()
      const guest = await newRunningGuest(host)
      await host.host.domains.undefine(guest, ctx)
      await host.host.domains.define(guest, 'b2', ctx)
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
      await host.host.domains.destroy(guest, ctx)
      expect((await host.host.domains.observe(guest)).power).toBe('off')
    })
  })
}
