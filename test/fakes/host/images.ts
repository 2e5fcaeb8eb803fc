import type { Images } from '../../../actions/host/index.ts'
import { type Instance, Terminal } from '../../../crds/index.ts'

export class FakeImageCache {
  readonly uids = new Set<string>()
  /** Number of images that have been downloaded. */
  downloads = 0
  /** Number of `fetch` calls that report a running download before the next call completes it. */
  checks = 1
  checkAfterMs = 1000
  /** UIDs of images whose source does not exist. */
  readonly unavailable = new Set<string>()

  /** @throws Terminal if the source of the image does not exist */
  add({ uid, url }: Instance['image']): void {
    if (this.uids.has(uid)) return
    if (this.unavailable.has(uid))
      throw new Terminal('ImageFileMissing', `${url} is not on this host`, { isHostFault: true })
    this.downloads += 1
    this.uids.add(uid)
  }
}

/** A download takes several calls of `fetch`, and is lost when the agent process that began it ends. */
export function fakeImages(cache: FakeImageCache): Images {
  const checked = new Map<string, number>()
  return {
    async fetch({ instance: { image } }) {
      if (cache.uids.has(image.uid)) return { done: true }
      const count = checked.get(image.uid) ?? 0
      checked.set(image.uid, count + 1)
      const progress = `${Math.round((100 * (count + 1)) / (cache.checks + 1))} % of the image is here`
      if (count < cache.checks) return { done: false, progress, checkAfterMs: cache.checkAfterMs }
      checked.delete(image.uid)
      cache.add(image)
      return { done: true }
    },
  }
}
