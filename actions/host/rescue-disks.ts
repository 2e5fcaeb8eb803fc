import type { Instance } from '../../crds/index.ts'
import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

/** `requestId` is the uid of the ServerAction that asked for the rescue. */
export interface RescueSystem {
  image: Instance['image']
  requestId: string
}

/** A server has at most one rescue disk. */
export interface RescueDisks {
  /**
   * Makes the rescue disk from the image. Keeps the disk if it was made for the same request, and replaces the disk of
   * an earlier request, which no domain may be using.
   * @throws Terminal error (a fault) if the image cannot be used
   * @throws Transient error (retried) if the image's source or the host's disk fails; with the code DiskMissing if the
   * Server's own disks are missing
   */
  create(guest: Guest, system: RescueSystem, ctx: StepContext): Promise<Progress>
  /**
   * Removes the rescue disk and the rescue system's firmware variables, and unpins the rescue image. No domain may be
   * running from the disk.
   */
  delete(guest: Guest, ctx: StepContext): Promise<void>
}

export const rescueDisksMethods: MethodKinds<RescueDisks> = { create: 'effect', delete: 'effect' }
