import type { Server } from '../../crds/kinds/server.ts'
import type { Instance } from '../../crds/kinds/server-status.ts'
import type { Mode } from '../../crds/states.ts'

/** A Server that has a host, with its `status.instance`: the resolved copy of flavor, image and interfaces. */
export interface Guest {
  readonly server: Server
  readonly instance: Instance
  /** The mode that the running action results in; without an action, status.mode. Absent: normal. */
  readonly mode?: Mode
}

export interface StepContext {
  /** Aborts when the step should end early because the Server is being deleted or the agent stops. */
  readonly signal: AbortSignal
}

/**
 * The progress of a long operation on the host, such as a download. A method that returns a Progress does not wait for
 * the operation. The agent calls the method again when the operation ends, at a domain event, and at the latest after
 * `checkAfterMs`. If the operation has failed, this call throws, and the call after it starts the operation anew.
 */
export type Progress =
  | { readonly done: true }
  | {
      readonly done: false
      readonly progress?: string
      readonly checkAfterMs: number
    }

/**
 * Whether each method of a capability changes the host ('effect') or only reads ('read'). Tests wrap the methods that
 * such a table names.
 */
export type MethodKinds<C> = { readonly [M in keyof C]: 'effect' | 'read' }
