/** What an action is: one value says all that the API, the controller, the agent, the docs and the generic tests need. */
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

/** What a step gets: of the host, only the capabilities that it needs. */
export interface StepInput<P, Needs extends Capability = Capability> extends StepContext {
  host: Pick<Host, Needs>
  guest: Guest
  params: P
  /** Identifies this run of the action and the boot that it causes: the same after a crash, another for the next request. */
  bootId: string
  /** Seconds that a guest gets to power off (shutdown_timeout in Nova). */
  shutdownTimeout: number
  /** Milliseconds since this step was tried for the first time in this run of the action. */
  elapsedMs: number
}

/** The action cannot be done as things are, and nothing was changed: it ends with this reason, and the server stays as it is. */
export interface Refusal {
  refused: { reason: Reason; message: string }
}

/** How far a step is. A step that is not done goes on by itself, and is tried again. */
export type StepResult = Progress | Refusal

/** A small, named, idempotent piece of work. */
export interface Step<P, Needs extends Capability = Capability> {
  name: string
  /** Where it runs: in the controller, which then admits the request; or in the agent of the server's host. */
  side: 'controller' | 'host'
  /** The capabilities of the host that it uses; `do` gets these and no others. */
  needs: readonly Needs[]
  /** Does what can be done now, without waiting for an image, a guest or a copy. No answer: it is done. */
  do(input: StepInput<P, Needs>): Promise<StepResult | void>
}

/** Declares a step of the agent; its type has the needs that it names. */
export function step<P, Needs extends Capability>(s: Omit<Step<P, Needs>, 'side'>): Step<P, Needs> {
  return { side: 'host', ...s }
}

/** Does one try of a step, with the capabilities of `host` that the step needs. */
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
  /** How Nova's API names it: POST /servers/{id}/action with this key; none: not asked for in this way. */
  nova?: { key: string; since: string; status: 200 | 202 | 204 }
  policy: 'owner' | 'admin'
  /** A ServerAction with these parameters requests it. An action without cannot be requested. */
  request?: P
  /**
   * The key of a Secret that its parameters name. The controller seals the value for the server's host and adds it to the parameters as `sealed`
   * (actions/sealed-secret.ts).
   */
  sealedSecret?(params: Static<P>): { name: string; key: string }
  /**
   * The Image that its parameters name. The controller resolves it, and adds the copy that the agent needs to the parameters as `resolvedImage`.
   */
  namedImage?(params: Static<P>): { name: string; namespace?: string } | undefined
  /** The agent runs it to reach this spec.powerState. */
  desiredPower?: DesiredPower
  /** The vmStates from which it may be requested; in another one it is rejected and nothing changes. */
  from: readonly VmState[]
  /** Why it is rejected with these parameters in a state of `from` all the same; undefined: it is not. */
  objection?(params: Static<P>, state: VmState): string | undefined
  /**
   * A request for it in vmState error retries whatever failed, towards the power that is desired by then. A Server that no host could build
   * is scheduled again.
   */
  retries?: true
  /**
   * After so many tries it fails if libvirtd is still busy with the domain. Absent: it is tried until libvirtd is free,
   * because the server must reach the state that it is for.
   */
  triesWhileBusy?: number
  /** Nova's task state while it runs; none: Nova has none, and nothing is announced before it runs. */
  task?(params: Static<P>): TaskState
  /** Reason of the condition Ready while it runs (PowerChanging). */
  reason?: Reason
  /** Nova's event of the action record. */
  event: string
  /** What is true of the server when it is done. gone: there is no server any more. */
  result: ActionResult | 'gone'
  /** It makes the guest boot from its own disk. Requested for a server that was never built, it builds it. */
  boots?: true
  /** It makes the server on its host for the first time. If it fails, another host may do it instead. */
  builds?: true
  /**
   * An agent that died while it ran need not go on with it: spec.powerState may have changed since. Otherwise the next agent finishes it
   * first, because it may go on by itself: the guest was asked to power off, or libvirtd saves its memory.
   */
  interruptible?: true
  steps: readonly Step<Static<P>>[]
  /** Run when it has failed for good, so that nothing half-made is left. */
  undo?: readonly Step<unknown>[]
}

export interface ActionResult {
  /** The server's mode from then on; absent: it stays as it is. */
  mode?: Mode
  /** desired: what spec.powerState says. unchanged: what it was. */
  power: DomainPower | 'desired' | 'unchanged'
}

/** Does the action leave the server in the state in which it finds it? */
export const isUnchanging = ({ result }: Pick<Action, 'result'>): boolean =>
  result !== 'gone' && result.power === 'unchanged' && result.mode === undefined

/** The vmState of a server after this action, if its spec.powerState is Running; undefined: as before, or the server is gone. */
export function resultingVmState({ result }: Action): VmState | undefined {
  if (result === 'gone' || isUnchanging({ result })) return undefined
  const { mode = 'normal', power: of } = result
  const power = of === 'desired' || of === 'unchanged' ? 'running' : of
  return vmStateOf({ mode, power, launched: true, fault: false })
}

/** Declares an action; only there so that the types of its parameters are inferred. */
export function action<Name extends string, P extends TObject>(a: Action<Name, P>): Action<Name, P> {
  return a
}
