import type { Instance } from '../../crds/index.ts'
import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

/** The disk of a rescue system: what it is made from, and the request that it is made for. */
export interface RescueSystem {
  image: Instance['image']
  requestId: string
}

/** The disk that a server in mode rescued boots from. A server has at most one. */
export interface RescueDisks {
  /**
   * Fetches the image and makes the disk from it, as large as the image. Leaves a disk that was made for the same
   * request, and replaces one of an earlier request, which must not be in use.
   * @throws Terminal if the image cannot be used; Transient if its source or the disk fails
   */
  create(guest: Guest, system: RescueSystem, ctx: StepContext): Promise<Progress>
  /**
   * Removes the disk and the firmware variables of the rescue system, and unpins its image. No domain may run from it.
   */
  delete(guest: Guest, ctx: StepContext): Promise<void>
}

export const rescueDisksMethods: MethodKinds<RescueDisks> = { create: 'effect', delete: 'effect' }
