import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

/** The disks of a Server: root, ephemeral and swap, with the sizes of its flavor. */
export interface Disks {
  /**
   * Makes the disks that the flavor asks for. The root disk is made from the image. Leaves existing disks as they are,
   * even if the flavor in the spec has changed.
   * @throws Transient error (retried) with the code DiskMissing if the Server has run before and its disks are missing,
   * because an empty disk must not replace them
   */
  create(guest: Guest, ctx: StepContext): Promise<Progress>
  /**
   * Removes the Server's directory with its disks, config drive and console logs, and ends a download or copy that
   * still runs for the Server. Unpins the Server's image: the image cache may then delete that image. The guest must be
   * off.
   */
  delete(guest: Guest, ctx: StepContext): Promise<void>
}

export const disksMethods: MethodKinds<Disks> = { create: 'effect', delete: 'effect' }
