import type { Guest, MethodKinds, StepContext } from './guest.ts'

/** The config drive: an ISO 9660 image with the metadata, user data and network data that Nova defines. */
export interface ConfigDrives {
  /**
   * Writes the config drive from the current Server and replaces an older one. Does nothing if the server's spec does
   * not ask for a config drive.
   */
  write(guest: Guest, ctx: StepContext): Promise<void>
}

export const configDrivesMethods: MethodKinds<ConfigDrives> = { write: 'effect' }
