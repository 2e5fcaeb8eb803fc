/** What befalls the calls of processes: rules that the plan sets, an API server that is away, processes that are cut off. */
import { Terminal, Transient } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Call } from '../fakes/life.ts'
import { type Mishap, unreachable } from './link.ts'
import type { Process } from './process.ts'

export type ApiFault = 'lost' | 'answer lost' | '429' | '500' | '503' | '500 after'
export type HostFault = 'transient' | 'terminal' | 'transient after' | 'unknown'

interface Rule {
  matches(process: Process, call: Call): boolean
  mishap(call: Call): Mishap
  name: string
  left: number
}

const status = (code: number, reason: string, { name }: Call, more: { retryAfterMs?: number } = {}): ApiError =>
  new ApiError({ request: name, status: code, body: { reason, code, message: `${reason} (simulated)` }, ...more })

export const apiFaults: Record<ApiFault, (call: Call) => Mishap> = {
  lost: (call) => ({ when: 'before', error: unreachable(call.name, 'lost') }),
  'answer lost': (call) => ({ when: 'after', error: unreachable(call.name, 'answer lost') }),
  '429': (call) => ({ when: 'before', error: status(429, 'TooManyRequests', call, { retryAfterMs: 1000 }) }),
  '500': (call) => ({ when: 'before', error: status(500, 'InternalError', call) }),
  '503': (call) => ({ when: 'before', error: status(503, 'ServiceUnavailable', call) }),
  '500 after': (call) => ({ when: 'after', error: status(500, 'InternalError', call) }),
}

export const hostFaults: Record<HostFault, () => Mishap> = {
  transient: () => ({ when: 'before', error: new Transient('LibvirtError', 'it failed this time') }),
  terminal: () => ({ when: 'before', error: new Terminal('UnsupportedHardware', 'it cannot work') }),
  'transient after': () => ({ when: 'after', error: new Transient('LibvirtError', 'it failed in the end') }),
  unknown: () => ({ when: 'before', error: new Error('simulated') }),
}

export class Weather {
  readonly #api: Rule[] = []
  readonly #host: Rule[] = []
  readonly #first: { matches: Rule['matches']; act: (call: Call) => void; left: number }[] = []
  readonly #cutOff = new Set<string>()
  isDown = false
  /** Has a step of a host ever failed? */
  struckHost = false
  /** What was struck by what: `500 applyStatus servers`, `kill create ports answered`. */
  readonly points = new Set<string>()

  /** The next `times` calls that match fail so. */
  failApi(matches: Rule['matches'], fault: ApiFault, times: number): void {
    this.#api.push({ matches, mishap: apiFaults[fault], left: times, name: fault })
  }

  failHost(matches: Rule['matches'], fault: HostFault, times: number): void {
    this.#host.push({ matches, mishap: hostFaults[fault], left: times, name: fault })
  }

  /** Something happens right before the next `times` calls that match take effect. */
  before(matches: Rule['matches'], act: (call: Call) => void, times: number): void {
    this.#first.push({ matches, act, left: times })
  }

  /** This process reaches the API server no more, until told otherwise. */
  cutOff(process: string, isCut: boolean): void {
    if (isCut) this.#cutOff.add(process)
    else this.#cutOff.delete(process)
  }

  clear(): void {
    this.isDown = false
    for (const set of [this.#api, this.#host, this.#first]) set.length = 0
    this.#cutOff.clear()
  }

  /** @param label of the call or event that was on its way */
  note(fault: string, label: string): void {
    this.points.add(`${fault} ${label.replace(/^\w+: /, '').replaceAll(/\/[^ ]*| [A-Z]+ .*| [abc]\b/g, '')}`)
  }

  readonly api = (process: Process, call: Call): Mishap | undefined => {
    if (this.isDown) return { when: 'before', error: unreachable(call.name, 'connect', 'ECONNREFUSED') }
    if (this.#cutOff.has(process.name))
      return { when: 'before', error: unreachable(call.name, 'no route', 'EHOSTUNREACH') }
    this.#precede(process, call)
    return this.#strike(this.#api, process, call)
  }

  readonly host = (process: Process, call: Call): Mishap | undefined => {
    this.#precede(process, call)
    const mishap = this.#strike(this.#host, process, call)
    if (mishap) this.struckHost = true
    return mishap
  }

  #precede(process: Process, call: Call): void {
    const first = this.#first.find(({ matches, left }) => left > 0 && matches(process, call))
    if (!first) return
    first.left -= 1
    first.act(call)
  }

  #strike(rules: Rule[], process: Process, call: Call): Mishap | undefined {
    const rule = rules.find(({ matches, left }) => left > 0 && matches(process, call))
    if (!rule) return undefined
    rule.left -= 1
    this.note(rule.name, call.name)
    return rule.mishap(call)
  }
}
