import type { Guest, MethodKinds, StepContext } from './guest.ts'

/** The Server's own disks: root, ephemeral and swap, as its flavor has them. */
export interface Disks {
  /**
   * Makes the disks that the flavor asks for; the root disk from the image. Disks that exist are left as they are, whatever the flavor
   * says now.
   * @throws Transient DiskMissing if the Server has run before and its disks are not there: an empty disk must not replace them
   */
  create(guest: Guest, ctx: StepContext): Promise<void>
  /** Removes everything of the Server's directory: disks, config drive, console logs; and unpins its image. The guest must be off. */
  delete(guest: Guest, ctx: StepContext): Promise<void>
}

export const disksMethods: MethodKinds<Disks> = { create: 'effect', delete: 'effect' }
