import type { KeyObject } from 'node:crypto'
import type { Guest, Images } from '../../actions/host/index.ts'
import { openSealedSecret } from '../../actions/sealed-secret.ts'
import { type Instance, Terminal } from '../../crds/index.ts'
import type { Base } from '../image/base-store.ts'
import type { ImageCache } from '../image/image-cache.ts'
import type { JobContext, Jobs } from './jobs.ts'
import { uidOf } from './paths.ts'

export const imageJobKey = (uid: string): string => `image ${uid}`

export interface ImageAccess {
  cache: ImageCache
  /** The host's private key, with which credentials from the controller are decrypted. */
  sealingKey(): Promise<KeyObject>
}

export const newImages = (access: ImageAccess, jobs: Jobs): Images => ({
  fetch: (guest) =>
    jobs.poll(imageJobKey(uidOf(guest)), guest.instance.uuid, async (job) => {
      await ensureImage(access, { guest, image: guest.instance.image, pin: uidOf(guest) }, job)
    }),
})

export const rescueJobKey = (uid: string): string => `rescue ${uid}`

const RESCUE_PIN = '.rescue'

/** A pin keeps an image in the cache for its owner. For the Server's own image the owner is the Server's uid. */
export const rescuePinOwnerOf = (uid: string): string => `${uid}${RESCUE_PIN}`

export const uidOfPin = (pin: string): string => (pin.endsWith(RESCUE_PIN) ? pin.slice(0, -RESCUE_PIN.length) : pin)

/**
 * Fetches the image into the cache if it is not there, and pins it: the image stays in the cache while it has a pin.
 */
export function ensureImage(
  { cache, sealingKey }: ImageAccess,
  { guest, image, pin }: { guest: Guest; image: Instance['image']; pin: string },
  { signal, report }: JobContext,
): Promise<Base> {
  const { sealedCredentials, ...source } = image
  const authorize = async () => openCredentials(guest, image, await sealingKey())
  const isAuthorized = sealedCredentials !== undefined || freshCredentialsOf(guest, image) !== undefined
  return cache.ensure({ ...source, ...(isAuthorized && { authorize }) }, pin, {
    signal,
    progress: (bytes, total) => report(`fetches image ${image.name}: ${formatProgress(bytes, total)}`),
  })
}

/**
 * The encrypted credentials that a request to start the Server has brought. Undefined if there are none, or if `image`
 * is not the Server's own image.
 */
const freshCredentialsOf = ({ server, instance }: Guest, image: Instance['image']): unknown =>
  image === instance.image ? server.status?.activeAction?.params?.['sealedCredentials'] : undefined

/**
 * A request to start the Server may bring newer credentials than its placement did. The newer ones are tried first.
 * @throws a Terminal error (not retried) with the code SealedSecretInvalid if none can be decrypted
 */
async function openCredentials(guest: Guest, image: Instance['image'], key: KeyObject): Promise<string> {
  const binding = { server: guest.server.metadata.uid ?? '', request: image.uid }
  for (const sealed of [freshCredentialsOf(guest, image), image.sealedCredentials]) {
    const opened = typeof sealed === 'string' ? await openSealedSecret(sealed, key, binding) : undefined
    if (opened !== undefined) return opened
  }
  const message = `the credentials of image ${image.name} were sealed for another key or server: create a ServerAction with action: start, which seals them again`
  throw new Terminal('SealedSecretInvalid', message)
}

function formatProgress(bytes: number, total: number | undefined): string {
  const mib = (n: number): string => `${Math.round(n / 1024 ** 2)} MiB`
  return total === undefined ? mib(bytes) : `${mib(bytes)} of ${mib(total)}`
}
