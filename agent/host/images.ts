import type { Guest, Images } from '../../actions/host/index.ts'
import type { Base } from '../image/base-store.ts'
import type { ImageCache } from '../image/image-cache.ts'
import type { JobContext, Jobs } from './jobs.ts'
import { uidOf } from './paths.ts'

export const imageJob = (uid: string): string => `image ${uid}`

export const newImages = (cache: ImageCache, jobs: Jobs): Images => ({
  fetch: (guest) =>
    jobs.poll(imageJob(uidOf(guest)), guest.instance.uuid, async (job) => {
      await ensureImage(cache, guest, job)
    }),
})

/** Fetches the guest's image into the cache if it is not there, and pins it for the Server. */
export function ensureImage(cache: ImageCache, guest: Guest, { signal, report }: JobContext): Promise<Base> {
  const { image } = guest.instance
  return cache.ensure(image, uidOf(guest), {
    signal,
    progress: (bytes, total) => report(`fetches image ${image.name}: ${formatProgress(bytes, total)}`),
  })
}

function formatProgress(bytes: number, total: number | undefined): string {
  const mib = (n: number): string => `${Math.round(n / 1024 ** 2)} MiB`
  return total === undefined ? mib(bytes) : `${mib(bytes)} of ${mib(total)}`
}
