import { afterEach, describe, expect, it } from 'vitest'
import { type ContractHost, ctx, waitUntilDone } from './contract-host.ts'

export function describeDisksContract(getHost: () => ContractHost): void {
  describe('Disks', () => {
    afterEach(() => getHost().reset())

    it('create makes the disks once, and leaves them as they are when it is called again', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await waitUntilDone(() => host.host.images.fetch(guest, ctx), 'image')
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      const identity = await host.diskIdentity(guest)
      expect(identity).toBeDefined()
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      expect(await host.diskIdentity(guest)).toEqual(identity)
    })

    it('create leaves the disks as they are when the flavor has changed', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      const identity = await host.diskIdentity(guest)
      const flavor = { ...guest.instance.flavor, disk: 3, ephemeral: 1 }
      const larger = { ...guest, instance: { ...guest.instance, flavor } }
      await waitUntilDone(() => host.host.disks.create(larger, ctx), 'disks')
      expect(await host.diskIdentity(guest)).toEqual(identity)
    })

    it('create fetches the image itself when it is not in the cache', async () => {
      const host = getHost()
      const guest = host.newGuest({ image: 'not fetched before' })
      const before = await host.cachedImageCount()
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      expect(await host.diskIdentity(guest)).toBeDefined()
      expect(await host.cachedImageCount()).toBe(before + 1)
    })

    it('create throws when the image cannot be fetched, and leaves no disk', async () => {
      const host = getHost()
      const guest = host.newGuest({ image: 'gone' })
      await expect(waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')).rejects.toMatchObject({
        kind: 'Terminal',
        code: 'ImageFileMissing',
        isHostFault: true,
      })
      expect(await host.diskIdentity(guest)).toBeUndefined()
    })

    it('create does not replace lost disks when the Server has run before', async () => {
      const host = getHost()
      const guest = host.newGuest({ launchedAt: '2026-01-01T00:00:00Z' })
      await expect(waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')).rejects.toMatchObject({
        kind: 'Transient',
        code: 'DiskMissing',
      })
      expect(await host.diskIdentity(guest)).toBeUndefined()
    })

    it('create can be finished by a new process when the agent died during it', async () => {
      const host = getHost()
      const guest = host.newGuest()
      host.host.disks.create(guest, ctx).catch(() => undefined)
      await host.restartAgent()
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      expect(await host.diskIdentity(guest)).toBeDefined()
    })

    it('delete removes disks and config drive, and may be repeated', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await host.host.disks.delete(guest, ctx)
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      await host.host.configDrives.write(guest, ctx)
      for (let i = 0; i < 2; i++) {
        await host.host.disks.delete(guest, ctx)
        expect(await host.diskIdentity(guest)).toBeUndefined()
        expect(await host.configDrive(guest)).toBeUndefined()
      }
    })

    it('delete leaves the disks of other Servers', async () => {
      const host = getHost()
      const [guest, other] = [host.newGuest(), host.newGuest()]
      for (const each of [guest, other]) await waitUntilDone(() => host.host.disks.create(each, ctx), 'disks')
      await host.host.disks.delete(guest, ctx)
      expect(await host.diskIdentity(other)).toBeDefined()
    })

    it('create makes new disks after a delete', async () => {
      const host = getHost()
      const guest = host.newGuest()
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      const first = await host.diskIdentity(guest)
      await host.host.disks.delete(guest, ctx)
      await waitUntilDone(() => host.host.disks.create(guest, ctx), 'disks')
      expect(await host.diskIdentity(guest)).not.toEqual(first)
    })
  })
}
