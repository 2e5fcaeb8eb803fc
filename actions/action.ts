/**
 * The declaration of an action. API, controller, agent, generated docs and generic tests all derive what they need from
 * this one value.
 */
import type { Static, TObject } from 'typebox'
import type { Reason } from '../crds/reasons.ts'
import {
  type DesiredPower,
  type DomainPower,
  type Mode,
  type TaskState,
  type VmState,
  vmStateOf,
} from '../crds/states.ts'
import type { Capability, Guest, Host, Progress, StepContext } from './host/index.ts'

/** The input of a step, with only those capabilities of the host that the step needs. */
export interface StepInput<P, Needs extends Capability = Capability> extends StepContext {
  host: Pick<Host, Needs>
  guest: Guest
  params: P
  /**
   * Identifies this run of the action, and the boot that it causes. It is the same after a crash of the agent, and
   * another for the next request.
   */
  bootId: string
  /** Seconds that a guest gets to power off (shutdown_timeout in Nova). */
  shutdownTimeout: number
  /** Milliseconds since this step was first tried in this run of the action. */
  elapsedMs: number
}

/**
 * A step that cannot be done and has changed nothing. The action ends with this reason, and the server stays as it is.
 */
export interface Refusal {
  refused: { reason: Reason; message: string }
}

/** The progress of a step. A step that is not done goes on in the background, and the agent tries it again later. */
export type StepResult = Progress | Refusal

/** A small, named, idempotent piece of work. */
export interface Step<P, Needs extends Capability = Capability> {
  name: string
  /**
   * The process that runs it: the controller, which admits the request after that, or the agent of the server's host.
   */
  side: 'controller' | 'host'
  /** The capabilities of the host that it uses. `do` gets only these. */
  needs: readonly Needs[]
  /** Does what can be done now, and does not wait for an image, a guest or a copy. Without a result it is done. */
  do(input: StepInput<P, Needs>): Promise<StepResult | void>
}

/** Declares a step of the agent. The type of the step has the capabilities that it names. */
export function defineStep<P, Needs extends Capability>(s: Omit<Step<P, Needs>, 'side'>): Step<P, Needs> {
  return { side: 'host', ...s }
}

/** Tries a step once, with the capabilities of `host` that the step needs. */
export async function runStep<P>({ needs, do: run }: Step<P>, { host, ...input }: StepInput<P>): Promise<StepResult> {
  const given = Object.fromEntries(needs.map((capability) => [capability, host[capability]]))
  return (await run({ ...input, host: given as unknown as Host })) ?? { done: true }
}

export const isRefusal = (result: StepResult): result is Refusal => 'refused' in result

export interface Action<Name extends string = string, P extends TObject = TObject> {
  /** Nova's name of the instance action. */
  name: Name
  /** One sentence. */
  description: string
  /** Nova's request: POST /servers/{id}/action with this key. Absent: Nova has no such request. */
  nova?: { key: string; since: string; status: 200 | 202 | 204 }
  policy: 'owner' | 'admin'
  /** The parameters of a ServerAction that requests it. Absent: no ServerAction can request it. */
  request?: P
  /**
   * The key of a Secret that its parameters name. The controller seals the value for the server's host and adds it to
   * the parameters as `sealed` (actions/sealed-secret.ts).
   */
  sealedSecret?(params: Static<P>): { name: string; key: string }
  /**
   * The Image that its parameters name. The controller copies what the agent needs of it into the parameters, as
   * `resolvedImage`.
   */
  namedImage?(params: Static<P>): { name: string; namespace?: string } | undefined
  /** The agent runs it to reach this spec.powerState. */
  desiredPower?: DesiredPower
  /** The vmStates in which it may be requested. In every other one the request is rejected. */
  from: readonly VmState[]
  /** Why a request with these parameters is rejected in a state of `from`; undefined: it is admitted. */
  objection?(params: Static<P>, state: VmState): string | undefined
  /**
   * A request for it in vmState error retries the operation that failed, towards the power that is desired now. A
   * Server that no host could build is scheduled again.
   */
  retries?: true
  /**
   * After so many tries it fails if libvirtd is still busy with the domain. Absent: it is tried until libvirtd is free,
   * because the server must reach the state that it is for.
   */
  triesWhileBusy?: number
  /**
   * Nova's task state while it runs. Absent: Nova has none, and the agent writes no status before it runs the steps.
   */
  task?(params: Static<P>): TaskState
  /** Reason of the condition Ready while it runs (PowerChanging). */
  reason?: Reason
  /** Nova's event of the action record. */
  event: string
  /** Mode and power of the server after it. gone: there is no server any more. */
  result: ActionResult | 'gone'
  /** The guest boots. A request for it builds a server that was never built. */
  boots?: true
  /** It builds the server on its host for the first time. If it fails, the scheduler may choose another host. */
  builds?: true
  /**
   * An agent that died while it ran need not go on with it: spec.powerState may have changed since. Otherwise the next
   * agent finishes it first, because it may go on by itself: the guest was asked to power off, or libvirtd saves its
   * memory.
   */
  interruptible?: true
  steps: readonly Step<Static<P>>[]
  /** The agent runs these steps when it has failed for good, so that nothing incomplete is left. */
  undo?: readonly Step<unknown>[]
}

export interface ActionResult {
  /** The mode of the server from then on. Absent: the mode does not change. */
  mode?: Mode
  /** desired: the power that spec.powerState names. unchanged: the power from before. */
  power: DomainPower | 'desired' | 'unchanged'
}

/** Whether the action changes neither mode nor power of the server. */
export const isUnchanging = ({ result }: Pick<Action, 'result'>): boolean =>
  result !== 'gone' && result.power === 'unchanged' && result.mode === undefined

/**
 * The vmState after this action of a server whose spec.powerState is Running. Undefined: the vmState does not change,
 * or the server is gone.
 */
export function resultingVmState({ result }: Action): VmState | undefined {
  if (result === 'gone' || isUnchanging({ result })) return undefined
  const { mode = 'normal', power: of } = result
  const power = of === 'desired' || of === 'unchanged' ? 'running' : of
  return vmStateOf({ mode, power, launched: true, fault: false })
}

/** Declares an action. The function exists so that TypeScript infers the types of the parameters. */
export function defineAction<Name extends string, P extends TObject>(a: Action<Name, P>): Action<Name, P> {
  return a
}
