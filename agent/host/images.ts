import type { Images } from '../../actions/host/index.ts'
import type { Instance } from '../../crds/index.ts'
import type { Base } from '../image/base-store.ts'
import type { ImageCache } from '../image/image-cache.ts'
import type { JobContext, Jobs } from './jobs.ts'
import { uidOf } from './paths.ts'

export const imageJobKey = (uid: string): string => `image ${uid}`

export const newImages = (cache: ImageCache, jobs: Jobs): Images => ({
  fetch: (guest) =>
    jobs.poll(imageJobKey(uidOf(guest)), guest.instance.uuid, async (job) => {
      await ensureImage(cache, guest.instance.image, uidOf(guest), job)
    }),
})

/** The key of the background job (jobs.ts) that makes a Server's rescue disk. */
export const rescueJobKey = (uid: string): string => `rescue ${uid}`

const RESCUE_PIN = '.rescue'

/**
 * The owner of the pin that keeps the image of a Server's rescue system in the cache. The pin on the Server's own image
 * is owned by the Server's uid.
 */
export const rescuePinOwnerOf = (uid: string): string => `${uid}${RESCUE_PIN}`

/**
 * Extracts the Server's uid from the owner of a pin, be it on the Server's own image or on the image of its rescue
 * system.
 */
export const uidOfPin = (pin: string): string => (pin.endsWith(RESCUE_PIN) ? pin.slice(0, -RESCUE_PIN.length) : pin)

/**
 * Fetches the image into the cache if it is not there, and pins it: the image stays in the cache while it has a pin.
 */
export function ensureImage(
  cache: ImageCache,
  image: Instance['image'],
  pin: string,
  { signal, report }: JobContext,
): Promise<Base> {
  return cache.ensure(image, pin, {
    signal,
    progress: (bytes, total) => report(`fetches image ${image.name}: ${formatProgress(bytes, total)}`),
  })
}

function formatProgress(bytes: number, total: number | undefined): string {
  const mib = (n: number): string => `${Math.round(n / 1024 ** 2)} MiB`
  return total === undefined ? mib(bytes) : `${mib(bytes)} of ${mib(total)}`
}
