/** What an action is: one value says all that the API, the controller, the agent, the docs and the generic tests need. */
import type { Static, TObject } from 'typebox'
import type { DesiredPower, TaskState, VmState } from '../crds/states.ts'
import type { Capability, Guest, Host, StepContext } from './host/index.ts'

/** What a step gets: of the host, only the capabilities that it needs. */
export interface StepInput<P, Needs extends Capability = Capability> extends StepContext {
  host: Pick<Host, Needs>
  guest: Guest
  params: P
  /** Identifies this run of the action and the boot that it causes: the same after a crash, another for the next request. */
  bootId: string
  /** Seconds that a guest gets to power off (shutdown_timeout in Nova). */
  shutdownTimeout: number
}

/** A small, named, idempotent piece of work. */
export interface Step<P, Needs extends Capability = Capability> {
  name: string
  /** The capabilities of the host that it uses; `do` gets these and no others. */
  needs: readonly Needs[]
  do(input: StepInput<P, Needs>): Promise<void>
}

/** Declares a step; only there so that its type has the needs that it names. */
export function step<P, Needs extends Capability>(s: Step<P, Needs>): Step<P, Needs> {
  return s
}

/** Does one step of an action, with the capabilities of `host` that the step needs. */
export async function runStep<P>({ needs, do: run }: Step<P>, { host, ...input }: StepInput<P>): Promise<void> {
  const given = Object.fromEntries(needs.map((capability) => [capability, host[capability]]))
  await run({ ...input, host: given as unknown as Host })
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
