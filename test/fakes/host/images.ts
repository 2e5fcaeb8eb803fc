import type { Images } from '../../../actions/host/index.ts'
import { type Instance, Terminal } from '../../../crds/index.ts'

/** The image cache of a fake host: the uids of its images. */
export class FakeImageCache {
  readonly uids = new Set<string>()
  /** How many images were downloaded. */
  downloads = 0
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
  const downloads = new Set<string>()
  return {
    async fetch({ instance: { image } }) {
      if (cache.uids.has(image.uid)) return { done: true }
      if (!downloads.has(image.uid)) {
        downloads.add(image.uid)
        return { done: false, progress: 'half of the image is here', checkAfterMs: 1000 }
      }
      cache.add(image)
      return { done: true }
    },
  }
}
