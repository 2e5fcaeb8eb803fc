/** What an action is: one value says all that the API, the controller, the agent, the docs and the generic tests need. */
import type { Static, TObject } from 'typebox'
import type { Guest, Host, StepContext } from '../crds/host.ts'
import type { DesiredPower, TaskState, VmState } from '../crds/states.ts'

/** What a step gets. `mark` is unique to this run of the action: the same after a crash, another for the next request. */
export interface StepInput<P> extends StepContext {
  host: Host
  guest: Guest
  params: P
  mark: string
  /** Seconds that a guest gets to power off (shutdown_timeout in Nova). */
  shutdownTimeout: number
}

/** A small, named, idempotent piece of work. */
export interface Step<P> {
  name: string
  do(input: StepInput<P>): Promise<void>
}

export interface Action<Name extends string = string, P extends TObject = TObject> {
  /** Nova's name of the instance action. */
  name: Name
  /** One sentence. */
  description: string
  /** How Nova's API names it: POST /servers/{id}/action with this key; none: not asked for in this way. */
  nova?: { key: string; since: string; status: 200 | 202 | 204 }
  policy: 'owner' | 'admin'
  /** deed: asked for by a ServerAction with these parameters. wish: done when spec.powerState becomes this. Neither: life itself. */
  asked: { deed?: P; wish?: DesiredPower }
  /** States from which it may be asked; in another one it is refused and nothing changes. */
  from: readonly VmState[]
  /** Why it is refused with these parameters in a state of `from` all the same; undefined: it is not. */
  objection?(params: Static<P>, state: VmState): string | undefined
  /** Nova's task state while it runs. */
  task(params: Static<P>): TaskState
  /** Nova's event of the record. */
  event: string
  /** The state when it is done; null: the server is gone. */
  after: VmState | null
  steps: readonly Step<Static<P>>[]
}

/** Declares an action; only there so that the types of its parameters are inferred. */
export function action<Name extends string, P extends TObject>(a: Action<Name, P>): Action<Name, P> {
  return a
}
