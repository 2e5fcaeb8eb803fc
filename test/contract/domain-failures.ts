/** Contract of Domains: what is missing, and what crashes leave. */
import { describe, expect, it } from 'vitest'
import { type ContractHost, ctx, prepareAndDefine, removeGuest } from './contract-host.ts'
import { calls, outcomeOf, refused, started } from './domain-calls.ts'

export function failures(getHost: () => ContractHost): void {
  describe('what is missing', () => {
    it('define throws DiskMissing when the disks are lost, and leaves the domain as it is', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      await host.loseDisks(guest)
      expect(await outcomeOf(host, guest, calls.define)).toBe('Transient DiskMissing')
      expect((await host.host.domains.observe(guest)).power).toBe('off')
    })

    it('start throws when the disks are lost, and leaves the domain off', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      await host.loseDisks(guest)
      expect(await outcomeOf(host, guest, calls.start)).toBe(refused)
      expect((await host.host.domains.observe(guest)).power).toBe('off')
    })

    it('start throws when the ports are not plugged, and works when they are', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      await host.host.ports.unplug(guest, ctx)
      expect(await outcomeOf(host, guest, calls.start)).toBe(refused)
      await host.host.ports.plug(guest, ctx)
      expect(await outcomeOf(host, guest, calls.start)).toBe('running')
    })
  })
}

export function crashes(getHost: () => ContractHost): void {
  describe('crashes', () => {
    it('save goes on when the agent dies, and the next process joins it', async () => {
      const host = getHost()
      const guest = await started(host)
      await host.host.domains.save(guest, ctx)
      await host.restartAgent()
      expect(await outcomeOf(host, guest, calls.save)).toBe('saved')
      await host.host.domains.start(guest, ctx)
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
    })

    it('a running domain is as it was when libvirtd or the agent is restarted', async () => {
      const host = getHost()
      const guest = await started(host)
      const [qemu, before] = [await host.qemuOf(guest), await host.host.domains.observe(guest)]
      await host.restartLibvirtd()
      await host.restartAgent()
      expect(await host.qemuOf(guest)).toEqual(qemu)
      expect(await host.host.domains.observe(guest)).toMatchObject({ power: before.power, bootId: 'b1' })
    })

    it('memory stays saved when libvirtd is restarted', async () => {
      const host = getHost()
      const guest = await started(host)
      await calls.save(host, guest)
      await host.restartLibvirtd()
      expect((await host.host.domains.observe(guest)).power).toBe('saved')
      await host.host.domains.start(guest, ctx)
      expect((await host.host.domains.observe(guest)).power).toBe('running')
    })

    it('a power failure leaves domains off and disks in place; they start again', async () => {
      const host = getHost()
      const [running, suspended] = [await started(host), await started(host)]
      await calls.save(host, suspended)
      const disk = await host.diskIdentity(running)
      await host.powerCycle()
      expect((await host.host.domains.observe(running)).power).toBe('off')
      expect((await host.host.domains.observe(suspended)).power).toBe('saved')
      expect(await host.diskIdentity(running)).toEqual(disk)
      for (const guest of [running, suspended]) {
        await host.host.ports.plug(guest, ctx)
        await host.host.domains.start(guest, ctx)
        expect((await host.host.domains.observe(guest)).power).toBe('running')
      }
    })

    it('a deletion that a crash interrupted at any point is finished by another', async () => {
      const host = getHost()
      for (const name of ['destroy', 'undefine'] as const) {
        const guest = await started(host)
        await calls[name](host, guest)
        await host.restartAgent()
        await removeGuest(host, guest)
        expect(await host.rawState(guest), name).toBe('missing')
        expect(await host.diskIdentity(guest), name).toBeUndefined()
        expect(await host.hasPorts(guest), name).toBe(false)
      }
    })

    it('a transient domain is persistent again when it is defined', async () => {
      const host = getHost()
      const guest = await started(host)
      await host.host.domains.undefine(guest, ctx)
      await host.host.domains.define(guest, 'b2', ctx)
      expect(await host.host.domains.runningBootId(guest)).toBe('b1')
      await host.host.domains.destroy(guest, ctx)
      expect((await host.host.domains.observe(guest)).power).toBe('off')
    })
  })
}
