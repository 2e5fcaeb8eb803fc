import { afterEach, describe, expect, it } from 'vitest'
import type { Guest, RescueSystem } from '../../actions/host/index.ts'
import { type ContractHost, ctx, prepareAndDefine, waitUntilDone } from './contract-host.ts'

export function describeRescueDisksContract(getHost: () => ContractHost): void {
  describe('RescueDisks', () => {
    afterEach(() => getHost().reset())

    const systemOf = (host: ContractHost, requestId: string, image = 'rescue'): RescueSystem => ({
      image: host.newGuest({ image }).instance.image,
      requestId,
    })

    const create = (host: ContractHost, guest: Guest, system: RescueSystem): Promise<void> =>
      waitUntilDone(() => host.host.rescueDisks.create(guest, system, ctx), 'rescue disk')

    async function newGuestWithDisks(host: ContractHost): Promise<Guest> {
      const guest = host.newGuest()
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      return guest
    }

    it('create makes the disk once for a request, and leaves it when it is called again', async () => {
      const host = getHost()
      const [guest, system] = [await newGuestWithDisks(host), systemOf(host, 'r1')]
      await create(host, guest, system)
      const identity = await host.rescueDiskIdentity(guest)
      expect(identity).toBeDefined()
      await create(host, guest, system)
      expect(await host.rescueDiskIdentity(guest)).toEqual(identity)
    })

    it('create replaces the disk of an earlier request', async () => {
      const host = getHost()
      const guest = await newGuestWithDisks(host)
      await create(host, guest, systemOf(host, 'r1'))
      const identity = await host.rescueDiskIdentity(guest)
      await create(host, guest, systemOf(host, 'r2', 'another rescue'))
      expect(await host.rescueDiskIdentity(guest)).not.toEqual(identity)
    })

    it('create throws when the image cannot be fetched, and leaves no disk', async () => {
      const host = getHost()
      const guest = await newGuestWithDisks(host)
      await expect(create(host, guest, systemOf(host, 'r1', 'gone'))).rejects.toMatchObject({
        kind: 'Terminal',
        code: 'ImageFileMissing',
        isHostFault: true,
      })
      expect(await host.rescueDiskIdentity(guest)).toBeUndefined()
    })

    it('create ends in a new process when the agent has died during it', async () => {
      const host = getHost()
      const [guest, system] = [await newGuestWithDisks(host), systemOf(host, 'r1')]
      host.host.rescueDisks.create(guest, system, ctx).catch(() => undefined)
      await host.restartAgent()
      await create(host, guest, system)
      expect(await host.rescueDiskIdentity(guest)).toBeDefined()
    })

    it('create makes nothing when the own disks of the Server are lost', async () => {
      const host = getHost()
      const guest = await newGuestWithDisks(host)
      await host.loseDisks(guest)
      await expect(create(host, guest, systemOf(host, 'r1'))).rejects.toMatchObject({
        kind: 'Transient',
        code: 'DiskMissing',
      })
      expect(await host.rescueDiskIdentity(guest)).toBeUndefined()
    })

    it('delete ends a creation that runs', async () => {
      const host = getHost()
      const [guest, system] = [await newGuestWithDisks(host), systemOf(host, 'r1')]
      const begun = host.host.rescueDisks.create(guest, system, ctx).catch(() => undefined)
      await host.host.rescueDisks.delete(guest, ctx)
      await begun
      expect(await host.rescueDiskIdentity(guest)).toBeUndefined()
    })

    it('delete removes the disk, leaves the disks of the Server, and may be repeated', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      const identity = await host.diskIdentity(guest)
      await create(host, guest, systemOf(host, 'r1'))
      for (let i = 0; i < 2; i++) {
        await host.host.rescueDisks.delete(guest, ctx)
        expect(await host.rescueDiskIdentity(guest)).toBeUndefined()
      }
      expect(await host.diskIdentity(guest)).toEqual(identity)
    })

    it('the deletion of the disks of a Server removes its rescue disk', async () => {
      const host = getHost()
      const guest = await newGuestWithDisks(host)
      await create(host, guest, systemOf(host, 'r1'))
      await host.host.disks.delete(guest, ctx)
      expect(await host.rescueDiskIdentity(guest)).toBeUndefined()
    })

    it('a domain boots the rescue disk in mode rescued, with the root disk as the second, and the root disk otherwise', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await prepareAndDefine(host, guest, 'b1')
      await create(host, guest, systemOf(host, 'r1'))
      for (const [mode, disks] of [
        ['rescued', ['rescue disk', 'root disk']],
        ['normal', ['root disk']],
      ] as const) {
        await host.host.domains.define({ ...guest, mode }, mode, ctx)
        await host.host.domains.start({ ...guest, mode }, ctx)
        expect(await host.disksOfDomain(guest)).toEqual(disks)
        await host.host.domains.destroy(guest, ctx)
      }
    })

    it('a domain is not defined in mode rescued when there is no rescue disk', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      await expect(host.host.domains.define({ ...guest, mode: 'rescued' }, 'b1', ctx)).rejects.toMatchObject({
        kind: 'Transient',
        code: 'DiskMissing',
      })
    })
  })
}
