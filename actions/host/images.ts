import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

/** The host's cache of images. */
export interface Images {
  /**
   * Brings the image of `guest.instance.image` into the cache, verified and converted, and pins it: the cache keeps the
   * image as long as this Server needs it.
   * @throws Terminal error (a fault) if the image cannot be used, because its checksum or format is wrong or its source
   * rejects the request; Transient error (retried) if the source or the disk fails
   */
  fetch(guest: Guest, ctx: StepContext): Promise<Progress>
}

export const imagesMethods: MethodKinds<Images> = { fetch: 'effect' }
