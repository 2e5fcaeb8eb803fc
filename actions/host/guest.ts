/** The arguments that the methods of all capabilities share. */
import type { Server } from '../../crds/kinds/server.ts'
import type { Instance } from '../../crds/kinds/server-status.ts'
import type { Mode } from '../../crds/states.ts'

/** A placed Server: the object as it was read, and the instance in its status, which is there once it is placed. */
export interface Guest {
  readonly server: Server
  readonly instance: Instance
  /**
   * The mode in which the server is to run: status.mode, or the one that the running action results in. Absent: normal.
   */
  readonly mode?: Mode
}

export interface StepContext {
  /** Aborts when the step should end early: the Server is being deleted, or the agent stops. */
  readonly signal: AbortSignal
}

/**
 * The progress of a long operation of the host. A method that returns it starts the operation, or joins the one that
 * runs, and does not wait for its end. Call it again when an event of the domain or the end of the operation wakes the
 * Server, at the latest after `checkAfterMs`. After a failure the next call throws, and the call after that starts a
 * new operation.
 */
export type Progress =
  | { readonly done: true }
  | {
      readonly done: false
      /** One sentence for the Server's status. */
      readonly progress?: string
      readonly checkAfterMs: number
    }

/**
 * Whether each method of a capability changes the host. Tests wrap all methods by this table; the compiler keeps it
 * complete.
 */
export type MethodKinds<C> = { readonly [M in keyof C]: 'effect' | 'read' }
