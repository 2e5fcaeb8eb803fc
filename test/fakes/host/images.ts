import type { Images } from '../../../actions/host/index.ts'
import { type Instance, Terminal } from '../../../crds/index.ts'

/** The image cache of a fake host: the uids of its images. */
export class FakeImageCache {
  readonly uids = new Set<string>()
  /** How many images were downloaded. */
  downloads = 0
  /** How often a download is checked until it is done. */
  checks = 1
  checkAfterMs = 1000
  /** Uids of images whose source is gone. */
  readonly unavailable = new Set<string>()

  /** @throws Terminal if the image's source is gone */
  add({ uid, url }: Instance['image']): void {
    if (this.uids.has(uid)) return
    if (this.unavailable.has(uid)) throw new Terminal('ImageDownloadFailed', `${url} does not exist`)
    this.downloads += 1
    this.uids.add(uid)
  }
}

/** A download lasts from one call to the next, and is lost with the process that began it. */
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
