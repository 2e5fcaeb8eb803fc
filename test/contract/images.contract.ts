import { afterEach, describe, expect, it } from 'vitest'
import { type ContractHost, ctx, finish } from './contract-host.ts'

/** What actions rely on of the capability Images. */
export function imagesContract(getHost: () => ContractHost): void {
  describe('Images', () => {
    afterEach(() => getHost().reset())

    it('fetch brings the image into the cache, and is done at once when it is there', async () => {
      const host = getHost()
      const guest = host.newGuest({ image: 'first' })
      const before = await host.cachedImages()
      await finish(() => host.host.images.fetch(guest, ctx), 'image')
      expect(await host.host.images.fetch(guest, ctx)).toEqual({ done: true })
      expect(await host.cachedImages()).toBe(before + 1)
    })

    it('fetch keeps one copy for all guests with the same image', async () => {
      const host = getHost()
      const guests = [host.newGuest({ image: 'shared' }), host.newGuest({ image: 'shared' })]
      const before = await host.cachedImages()
      await Promise.all(guests.map((guest) => finish(() => host.host.images.fetch(guest, ctx), 'image')))
      expect(await host.cachedImages()).toBe(before + 1)
    })

    it('fetch throws when there is no such image, and again when it is called again', async () => {
      const host = getHost()
      const guest = host.newGuest({ image: 'gone' })
      for (let i = 0; i < 2; i++)
        await expect(finish(() => host.host.images.fetch(guest, ctx), 'image')).rejects.toMatchObject({
          kind: 'Terminal',
          code: 'ImageDownloadFailed',
        })
    })

    it('fetch ends in a new process when the agent has died during a download', async () => {
      const host = getHost()
      const guest = host.newGuest({ image: 'interrupted' })
      await host.host.images.fetch(guest, ctx)
      await host.restartAgent()
      await finish(() => host.host.images.fetch(guest, ctx), 'image')
      expect(await host.host.images.fetch(guest, ctx)).toEqual({ done: true })
    })
  })
}
