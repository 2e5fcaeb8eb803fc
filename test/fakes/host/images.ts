import type { Images } from '../../../actions/host/index.ts'

/** The image cache of a fake host: the uids of its images. */
export class FakeImageCache {
  readonly uids = new Set<string>()
  /** How many images were downloaded. */
  downloads = 0
}

export const fakeImages = (cache: FakeImageCache): Images => ({
  async fetch({ instance }, { progress }) {
    progress('half of the image is here')
    if (!cache.uids.has(instance.image.uid)) cache.downloads += 1
    cache.uids.add(instance.image.uid)
  },
})
