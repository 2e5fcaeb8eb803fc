import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

/** The host's cache of images. */
export interface Images {
  /**
   * Brings the image of `guest.instance.image` into the cache, verified and converted, and pins it for this Server.
   * Servers that need the same image share one download.
   * @throws Terminal if the image cannot be used (wrong checksum or format, a source that refuses); Transient if the
   * source or the disk fails
   */
  fetch(guest: Guest, ctx: StepContext): Promise<Progress>
}

export const imagesMethods: MethodKinds<Images> = { fetch: 'effect' }
