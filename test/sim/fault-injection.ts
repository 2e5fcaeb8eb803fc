/**
 * Makes calls to the API server and to hosts fail if they match a rule of the plan (plan.ts). A call to the API server
 * also fails while the API server is down or the calling process is disconnected.
 */
import { Terminal, Transient } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Call } from '../fakes/life.ts'
import { connectionError, type InjectedFailure } from './link.ts'
import type { Process } from './process.ts'

export type ApiFault = 'lost' | 'answer lost' | '429' | '500' | '503' | '500 after'
export type HostFault = 'transient' | 'terminal' | 'transient after' | 'unknown'

interface FailureRule {
  matches(process: Process, call: Call): boolean
  createFailure(call: Call): InjectedFailure
  name: string
  /** How many more matching calls will fail. */
  remaining: number
}

interface Interception {
  matches: FailureRule['matches']
  act: (call: Call) => void
  remaining: number
}

const statusError = (code: number, reason: string, { name }: Call, more: { retryAfterMs?: number } = {}): ApiError =>
  new ApiError({ request: name, status: code, body: { reason, code, message: `${reason} (simulated)` }, ...more })

const apiFaults: Record<ApiFault, (call: Call) => InjectedFailure> = {
  lost: (call) => ({ when: 'before', error: connectionError(call.name, 'lost') }),
  'answer lost': (call) => ({ when: 'after', error: connectionError(call.name, 'answer lost') }),
  '429': (call) => ({ when: 'before', error: statusError(429, 'TooManyRequests', call, { retryAfterMs: 1000 }) }),
  '500': (call) => ({ when: 'before', error: statusError(500, 'InternalError', call) }),
  '503': (call) => ({ when: 'before', error: statusError(503, 'ServiceUnavailable', call) }),
  '500 after': (call) => ({ when: 'after', error: statusError(500, 'InternalError', call) }),
}

const hostFaults: Record<HostFault, () => InjectedFailure> = {
  transient: () => ({ when: 'before', error: new Transient('LibvirtError', 'it failed this time') }),
  terminal: () => ({ when: 'before', error: new Terminal('UnsupportedHardware', 'it cannot work') }),
  'transient after': () => ({ when: 'after', error: new Transient('LibvirtError', 'it failed in the end') }),
  unknown: () => ({ when: 'before', error: new Error('simulated') }),
}

export class FaultInjection {
  readonly #apiRules: FailureRule[] = []
  readonly #hostRules: FailureRule[] = []
  readonly #interceptions: Interception[] = []
  readonly #disconnected = new Set<string>()
  isApiDown = false
  hasHostFailed = false
  /**
   * The injected faults with the calls that they hit, without object names, such as `500 applyStatus servers`. The size
   * of the set shows how many different faults a series of runs covers.
   */
  readonly points = new Set<string>()

  failApi(matches: FailureRule['matches'], fault: ApiFault, times: number): void {
    this.#apiRules.push({ matches, createFailure: apiFaults[fault], remaining: times, name: fault })
  }

  failHost(matches: FailureRule['matches'], fault: HostFault, times: number): void {
    this.#hostRules.push({ matches, createFailure: hostFaults[fault], remaining: times, name: fault })
  }

  /** Calls `act` right before each of the next `times` matching calls takes effect. */
  intercept(matches: FailureRule['matches'], act: (call: Call) => void, times: number): void {
    this.#interceptions.push({ matches, act, remaining: times })
  }

  setDisconnected(process: string, isDisconnected: boolean): void {
    if (isDisconnected) this.#disconnected.add(process)
    else this.#disconnected.delete(process)
  }

  clear(): void {
    this.isApiDown = false
    for (const rules of [this.#apiRules, this.#hostRules, this.#interceptions]) rules.length = 0
    this.#disconnected.clear()
  }

  /** @param label the call or event that the fault hit */
  recordPoint(fault: string, label: string): void {
    this.points.add(`${fault} ${label.replace(/^\w+: /, '').replaceAll(/\/[^ ]*| [A-Z]+ .*| [abc]\b/g, '')}`)
  }

  readonly failureOfApiCall = (process: Process, call: Call): InjectedFailure | undefined => {
    if (this.isApiDown) return { when: 'before', error: connectionError(call.name, 'connect', 'ECONNREFUSED') }
    if (this.#disconnected.has(process.name))
      return { when: 'before', error: connectionError(call.name, 'no route', 'EHOSTUNREACH') }
    this.#runInterception(process, call)
    return this.#applyRule(this.#apiRules, process, call)
  }

  readonly failureOfHostCall = (process: Process, call: Call): InjectedFailure | undefined => {
    this.#runInterception(process, call)
    const failure = this.#applyRule(this.#hostRules, process, call)
    if (failure) this.hasHostFailed = true
    return failure
  }

  #runInterception(process: Process, call: Call): void {
    const found = this.#interceptions.find(({ matches, remaining }) => remaining > 0 && matches(process, call))
    if (!found) return
    found.remaining -= 1
    found.act(call)
  }

  #applyRule(rules: FailureRule[], process: Process, call: Call): InjectedFailure | undefined {
    const rule = rules.find(({ matches, remaining }) => remaining > 0 && matches(process, call))
    if (!rule) return undefined
    rule.remaining -= 1
    this.recordPoint(rule.name, call.name)
    return rule.createFailure(call)
  }
}
