import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

export interface Disks {
  /**
   * Makes the disks that the flavor asks for. Leaves existing disks as they are, even if the flavor in the spec has
   * changed.
   * @throws Transient error (retried) with the code DiskMissing if the Server has run before and its disks are missing,
   * because an empty disk must not replace them
   */
  create(guest: Guest, ctx: StepContext): Promise<Progress>
  /**
   * Removes the Server's directory with its disks, config drive and console logs, ends its downloads and copies, and
   * unpins its image, so that the image cache may delete it. The guest must be off.
   */
  delete(guest: Guest, ctx: StepContext): Promise<void>
}

export const disksMethods: MethodKinds<Disks> = { create: 'effect', delete: 'effect' }
