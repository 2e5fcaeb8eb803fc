/** What every capability of a host is called with. */
import type { Server } from '../../crds/kinds/server.ts'
import type { Instance } from '../../crds/kinds/server-status.ts'

/** A placed Server: the object as it was read, and the instance in its status, which is there once it is placed. */
export interface Guest {
  readonly server: Server
  readonly instance: Instance
}

/** Reports how far a long step is. The caller throttles it and shows it in the Server's status. */
export type ReportProgress = (message: string) => void

export interface StepContext {
  /** Aborts when the step should end early: the Server is being deleted, or the agent stops. */
  readonly signal: AbortSignal
  readonly progress: ReportProgress
}

/** Whether each method of a capability changes the host. Tests wrap all methods by this table; the compiler keeps it complete. */
export type MethodKinds<C> = { readonly [M in keyof C]: 'effect' | 'read' }
