import type { Guest, MethodKinds, StepContext } from './guest.ts'

export interface ConfigDrives {
  /** Replaces an older config drive. Does nothing if the server's spec does not ask for a config drive. */
  write(guest: Guest, ctx: StepContext): Promise<void>
}

export const configDrivesMethods: MethodKinds<ConfigDrives> = { write: 'effect' }
