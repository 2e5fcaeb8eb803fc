import type { Instance } from '../../crds/index.ts'
import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

/** Names the image that a rescue disk is made from, and the uid of the ServerAction that asked for the rescue. */
export interface RescueSystem {
  image: Instance['image']
  requestId: string
}

/** The disk that a server in mode rescued boots from. A server has at most one. */
export interface RescueDisks {
  /**
   * Fetches the image and makes the rescue disk from it, as large as the image. Keeps the disk if it was made for the
   * same request. Replaces the disk of an earlier request; no domain must be using that disk.
   * @throws Terminal error (a fault) if the image cannot be used
   * @throws Transient error (retried) if the image's source or the host's disk fails; with the code DiskMissing if the
   * Server's own disks are missing
   */
  create(guest: Guest, system: RescueSystem, ctx: StepContext): Promise<Progress>
  /**
   * Removes the rescue disk and the rescue system's firmware variables, and unpins its image: the image cache may then
   * delete that image. Do not call it while a domain runs from the disk.
   */
  delete(guest: Guest, ctx: StepContext): Promise<void>
}

export const rescueDisksMethods: MethodKinds<RescueDisks> = { create: 'effect', delete: 'effect' }
