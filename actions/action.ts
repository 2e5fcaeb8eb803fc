/**
 * The declaration of actions: units of work on a server, named as in Nova (`reboot`). The API schema, the controller,
 * the agent, the docs and the generic tests all read the same declarations.
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

/** The input of a step, with only those host capabilities that the step needs. */
export interface StepInput<P, Needs extends Capability = Capability> extends StepContext {
  host: Pick<Host, Needs>
  guest: Guest
  params: P
  /**
   * Identifies this execution of the action: the uid of the ServerAction, or an ID that the agent derives from the
   * Server. The ID stays the same if the agent restarts during the action. If the action boots the guest, the agent
   * stores the ID in the domain's metadata.
   */
  bootId: string
  /** Seconds that a guest gets to power off (shutdown_timeout in Nova). */
  shutdownTimeout: number
  /** Milliseconds since this execution of the action first tried this step. */
  elapsedMs: number
}

/**
 * A step returns a Refusal if it cannot be done and has changed nothing. The action then ends with this reason, and the
 * server stays as it is.
 */
export interface Refusal {
  refused: { reason: Reason; message: string }
}

/**
 * A Progress that is not `done` means that the work goes on in the background. The agent then tries the step again
 * later.
 */
export type StepResult = Progress | Refusal

/** A small, named, idempotent piece of an action's work. */
export interface Step<P, Needs extends Capability = Capability> {
  name: string
  /**
   * Where the step runs: in the controller before it admits the action request, or in the agent of the server's host.
   */
  side: 'controller' | 'host'
  /** The host capabilities that `do` gets. */
  needs: readonly Needs[]
  /**
   * Set if the step changes nothing that the server needs. If the step fails for good, and the action has tried only
   * such steps so far, the action request is refused: the server stays as it is and gets no fault.
   */
  changesNothing?: true
  /**
   * Set if the step only removes something that is no longer needed. The agent tries such a step until it succeeds, so
   * a failure of the step never makes the action fail.
   */
  cleansUp?: true
  /**
   * Must not wait for a download, the guest or a disk copy: returns `done: false`, and the agent tries the step again
   * later. Returning nothing means done.
   */
  do(input: StepInput<P, Needs>): Promise<StepResult | void>
}

export function defineStep<P, Needs extends Capability>(s: Omit<Step<P, Needs>, 'side'>): Step<P, Needs> {
  return { side: 'host', ...s }
}

export async function runStep<P>({ needs, do: run }: Step<P>, { host, ...input }: StepInput<P>): Promise<StepResult> {
  const given = Object.fromEntries(needs.map((capability) => [capability, host[capability]]))
  return (await run({ ...input, host: given as unknown as Host })) ?? { done: true }
}

export const isRefusal = (result: StepResult): result is Refusal => 'refused' in result

export interface Action<Name extends string = string, P extends TObject = TObject> {
  /** The action's name in Nova. */
  name: Name
  /** One sentence, for the docs and the schema. */
  description: string
  /**
   * The request of Nova's API, POST /servers/{id}/action, that corresponds to this action: its key in the body, its
   * first microversion and its HTTP status. Absent if Nova has no such request.
   */
  nova?: { key: string; since: string; status: 200 | 202 | 204 }
  policy: 'owner' | 'admin'
  /** Absent if users cannot request the action with a ServerAction. */
  request?: P
  /**
   * The Secret, and the key in it, that the parameters refer to. The controller encrypts the value of that key for the
   * server's host and adds it to the parameters as `sealed` (actions/sealed-secret.ts).
   */
  sealedSecret?(params: Static<P>): { name: string; key: string }
  /**
   * The Image that the parameters name; undefined if they name none. The controller copies what the agent needs of it
   * into the parameters, as `resolvedImage`.
   */
  namedImage?(params: Static<P>): { name: string; namespace?: string } | undefined
  /**
   * The agent runs the action by itself to reach this spec.powerState. Several actions can have the same value: for
   * Running, the agent chooses start, unpause or resume by the domain's power. Absent: only requests run the action.
   */
  desiredPower?: DesiredPower
  /** The vmStates in which users may request the action. */
  from: readonly VmState[]
  /** The only mode in which users may request the action. Absent: any mode. */
  inMode?: Mode
  /**
   * Why a request with these parameters is rejected although the vmState is one of `from`; undefined if the request is
   * allowed.
   */
  objection?(params: Static<P>, state: VmState): string | undefined
  /**
   * Set if a request in vmState error retries the operation that failed. If no host could build the server, the
   * controller schedules it again.
   */
  retries?: true
  /**
   * The number of tries after which the action fails if libvirtd is still busy with the domain. Absent: the agent tries
   * until libvirtd is free, because the server must reach the action's result.
   */
  triesWhileBusy?: number
  /**
   * The Nova task state that the Server's status shows while the action runs. Absent if Nova has none: then the agent
   * writes no status before it runs the steps.
   */
  task?(params: Static<P>): TaskState
  /** Reason of the Server's condition Ready while the action runs. Default: the reason PowerChanging. */
  reason?: Reason
  /** The name of Nova's instance action event, for the action record. */
  event: string
  /** 'gone' if the action removes the server. */
  result: ActionResult | 'gone'
  /**
   * Set if the action wakes a guest that has suspended itself to RAM. Users may then request the action for such a
   * guest in any vmState.
   */
  wakes?: true
  /**
   * Set if the action boots the guest. Users may request such an action even if the server was never built; the action
   * then builds the server.
   */
  boots?: true
  /**
   * Set if the action builds the server on its host for the first time. If the action fails, the scheduler may choose
   * another host.
   */
  builds?: true
  /**
   * Set if a restarted agent may drop the unfinished action when spec.powerState has changed meanwhile. Every other
   * action must be finished, because its effect goes on without the agent: a guest that was asked to power off still
   * does so.
   */
  interruptible?: true
  steps: readonly Step<Static<P>>[]
  /** Steps that the agent runs after the action has failed for good, so that nothing incomplete stays on the host. */
  undo?: readonly Step<unknown>[]
}

export interface ActionResult {
  /** Absent: the mode does not change. */
  mode?: Mode
  /** 'desired' means the power that spec.powerState names; 'unchanged' means the power before the action. */
  power: DomainPower | 'desired' | 'unchanged'
}

export const isUnchanging = ({ result }: Pick<Action, 'result'>): boolean =>
  result !== 'gone' && result.power === 'unchanged' && result.mode === undefined

/**
 * The vmState after this action if spec.powerState is Running; undefined if the action does not change the vmState or
 * removes the server.
 */
export function resultingVmState({ result }: Action): VmState | undefined {
  if (result === 'gone' || isUnchanging({ result })) return undefined
  const { mode = 'normal', power: of } = result
  const power = of === 'desired' || of === 'unchanged' ? 'running' : of
  return vmStateOf({ mode, power, launched: true, fault: false })
}

export function defineAction<Name extends string, P extends TObject>(a: Action<Name, P>): Action<Name, P> {
  return a
}
