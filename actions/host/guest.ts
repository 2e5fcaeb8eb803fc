/** The arguments that the methods of all host capabilities share. */
import type { Server } from '../../crds/kinds/server.ts'
import type { Instance } from '../../crds/kinds/server-status.ts'
import type { Mode } from '../../crds/states.ts'

/**
 * A Server that has a host: the object as the agent read it, and its `status.instance`, the resolved copy of flavor,
 * image and interfaces.
 */
export interface Guest {
  readonly server: Server
  readonly instance: Instance
  /**
   * The mode in which the server is to run: the mode that the running action results in, or else status.mode. Absent:
   * normal.
   */
  readonly mode?: Mode
}

export interface StepContext {
  /** Aborts when the step should end early because the Server is being deleted or the agent stops. */
  readonly signal: AbortSignal
}

/**
 * The progress of a long operation on the host. A method that returns Progress starts the operation, or joins the one
 * that runs, and does not wait for its end. Call the method again when a domain event or the end of the operation
 * requeues the Server, at the latest after `checkAfterMs`. If the operation fails, the next call throws and the call
 * after that starts a new operation.
 */
export type Progress =
  | { readonly done: true }
  | {
      readonly done: false
      /** One sentence about the progress, for the Server's status. */
      readonly progress?: string
      readonly checkAfterMs: number
    }

/**
 * Tells for each method of a capability whether it changes the host. Tests wrap all methods by this table, and
 * TypeScript makes sure that it is complete.
 */
export type MethodKinds<C> = { readonly [M in keyof C]: 'effect' | 'read' }
