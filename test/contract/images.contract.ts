import { afterEach, describe, expect, it } from 'vitest'
import { type ContractHost, ctx, waitUntilDone } from './contract-host.ts'

export function describeImagesContract(getHost: () => ContractHost): void {
  describe('Images', () => {
    afterEach(() => getHost().reset())

    it('fetch brings the image into the cache, and is done at once when the cache has it', async () => {
      const host = getHost()
      const guest = host.newGuest({ image: 'first' })
      const before = await host.cachedImageCount()
      await waitUntilDone(() => host.host.images.fetch(guest, ctx), 'image')
      expect(await host.host.images.fetch(guest, ctx)).toEqual({ done: true })
      expect(await host.cachedImageCount()).toBe(before + 1)
    })

    it('fetch keeps one copy for all guests with the same image', async () => {
      const host = getHost()
      const guests = [host.newGuest({ image: 'shared' }), host.newGuest({ image: 'shared' })]
      const before = await host.cachedImageCount()
      await Promise.all(guests.map((guest) => waitUntilDone(() => host.host.images.fetch(guest, ctx), 'image')))
      expect(await host.cachedImageCount()).toBe(before + 1)
    })

    it('fetch throws when the source of the image does not exist, at each call', async () => {
      const host = getHost()
      const guest = host.newGuest({ image: 'gone' })
      for (let i = 0; i < 2; i++)
        await expect(waitUntilDone(() => host.host.images.fetch(guest, ctx), 'image')).rejects.toMatchObject({
          kind: 'Terminal',
          code: 'ImageFileMissing',
          isHostFault: true,
        })
    })

    it('fetch can be finished by a new process when the agent died during a download', async () => {
      const host = getHost()
      const guest = host.newGuest({ image: 'interrupted' })
      await host.host.images.fetch(guest, ctx)
      await host.restartAgent()
      await waitUntilDone(() => host.host.images.fetch(guest, ctx), 'image')
      expect(await host.host.images.fetch(guest, ctx)).toEqual({ done: true })
    })
  })
}
