import type { Guest, MethodKinds, Progress, StepContext } from './guest.ts'

/** The Server's own disks: root, ephemeral and swap, as its flavor has them. */
export interface Disks {
  /**
   * Makes the disks that the flavor asks for; the root disk from the image. Disks that exist are left as they are,
   * whatever the flavor says now.
   * @throws Transient DiskMissing if the Server has run before and its disks are not there: an empty disk must not
   * replace them
   */
  create(guest: Guest, ctx: StepContext): Promise<Progress>
  /**
   * Removes the Server's directory with its disks, config drive and console logs, and unpins its image. Ends a download
   * or a copy for the Server that still runs. The guest must be off.
   */
  delete(guest: Guest, ctx: StepContext): Promise<void>
}

export const disksMethods: MethodKinds<Disks> = { create: 'effect', delete: 'effect' }
