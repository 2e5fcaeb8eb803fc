/** The arguments that all host operations share. index.ts lists the operations. */
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
   * The mode in which the server is to run: while an action runs, the mode that the action results in; otherwise
   * status.mode. Absent: normal.
   */
  readonly mode?: Mode
}

export interface StepContext {
  /** Aborts when the step should end early because the Server is being deleted or the agent stops. */
  readonly signal: AbortSignal
}

/**
 * The progress of a long operation on the host, such as a download. A method that returns Progress does not wait for
 * the end of the operation: it starts the operation, unless it is running already. The agent calls the method again
 * when the operation ends, when a domain event requeues the Server, and at the latest after `checkAfterMs`. If the
 * operation has failed, this next call throws. The call after that starts the operation anew.
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
 * Tells for each method of a capability (a group of host operations) whether it changes the host ('effect') or only
 * reads ('read'). Tests wrap the methods that such a table names. TypeScript makes sure that the table names every
 * method.
 */
export type MethodKinds<C> = { readonly [M in keyof C]: 'effect' | 'read' }
