/**
 * How often a server's action was tried: after some tries, what keeps failing is a fault.
 *
 * In memory, so a restart counts anew, and an agent that dies before the last try tries again in each of its lives.
 * That is meant. A crash is no failure of the action: an agent may be killed at any instant, any number of times, and
 * the server must still come out as wished, so no count of lives may end in a fault. Nor is it a busy loop: the wait
 * between lives is that of whoever restarts the agent (kubelet: up to 5 minutes), each life repeats steps that are
 * idempotent, and the host shows as down. What fails without killing the agent is counted within one life, some seconds
 * with the defaults. A server that itself kills the agent can be deleted: deletion is planned before all else.
 */
import { actions } from '../../actions/index.ts'
import type { Planned } from './plan.ts'
import type { Failure } from './status.ts'

/** A wait in ms that doubles each time. */
interface Doubling {
  baseMs: number
  maxMs: number
}

export interface AttemptOptions extends Doubling {
  /** Tries of an action before a passing error counts as a fault. */
  max: number
  /** Between two restarts of a domain that ends by itself; `calmMs` without one, and the next is at once. */
  restart: Doubling & { calmMs: number }
}

/** How often in a row a domain was restarted, and the time from the last of these to the next. */
export interface Restarts {
  count: number
  delayMs: number
}

export interface Attempts {
  countFailure(uid: string, planned: Planned, failure: Failure): Failure
  /**
   * Milliseconds until this action may be tried; 0: now. Events that come meanwhile do not shorten it. `restarts`: it
   * has not failed, but what it restores does not last.
   */
  backoffRemaining(uid: string, planned: Planned): { ms: number; restarts?: Restarts }
  /** It has ended, well or with a fault: what comes next begins anew. */
  recordEnd(uid: string, planned: Planned, failure?: Failure): void
}

/**
 * Deletion is tried for ever: there is no state to fall back to. So is what restores a server that was as wished:
 * nobody asked for anything that could be refused, and a host that has started again has its bridge, its memory or its
 * file system a moment later. And while libvirt is away, or busy with the domain, nothing is wrong with the server: it
 * is done after. But what another host may build need not wait for a libvirt that is away.
 */
const isRetriedForever = ({ action, restores }: Planned, { code }: Failure): boolean =>
  actions[action].result === 'gone' ||
  restores === true ||
  code === 'LibvirtBusy' ||
  (code === 'LibvirtUnreachable' && !actions[action].builds)

/** @param now monotonic milliseconds */
export function createAttempts({ max, restart, ...between }: AttemptOptions, now: () => number): Attempts {
  const restarts = createRestarts(restart, now)
  const tries = new Map<string, { id: string; count: number; failures: number; again: number }>()
  return {
    countFailure(uid, planned, failure) {
      if (failure.final) return failure
      const { action, id } = planned
      const last = tries.get(uid)
      const before = last?.id === id ? last : { count: 0, failures: 0 }
      const count = before.count + 1
      const failures = before.failures + (isRetriedForever(planned, failure) ? 0 : 1)
      tries.set(uid, { id, count, failures, again: now() + doubledDelay(between, count) })
      if (failures < max || isRetriedForever(planned, failure)) return failure
      return { ...failure, final: true, rejectsHost: actions[action].builds === true }
    },
    backoffRemaining(uid, { id, restores }) {
      const last = tries.get(uid)
      if (last?.id === id) return { ms: Math.max(0, last.again - now()) }
      return restores ? restarts.backoffRemaining(uid) : { ms: 0 }
    },
    recordEnd(uid, { action, restores }, failure) {
      tries.delete(uid)
      if (actions[action].result === 'gone') restarts.forget(uid)
      else if (restores && !failure) restarts.countRestart(uid)
    },
  }
}

const doubledDelay = ({ baseMs, maxMs }: Doubling, count: number): number =>
  Math.min(maxMs, baseMs * 2 ** Math.min(count - 1, 20))

/**
 * A guest whose QEMU dies at once would be started at once, for ever: a loop of boots, records and events that shows
 * nothing and helps nobody.
 */
function createRestarts({ calmMs, ...between }: AttemptOptions['restart'], now: () => number) {
  const all = new Map<string, { count: number; at: number }>()
  const recentRestartOf = (uid: string) => {
    const last = all.get(uid)
    return last && now() - last.at < calmMs ? last : undefined
  }
  return {
    backoffRemaining(uid: string): { ms: number; restarts?: Restarts } {
      const last = recentRestartOf(uid)
      if (!last) return { ms: 0 }
      const delayMs = doubledDelay(between, last.count)
      const ms = Math.max(0, last.at + delayMs - now())
      return ms > 0 ? { ms, restarts: { count: last.count, delayMs } } : { ms }
    },
    countRestart(uid: string): void {
      const count = (recentRestartOf(uid)?.count ?? 0) + 1
      // Also of servers that have gone elsewhere since.
      for (const other of all.keys()) if (!recentRestartOf(other)) all.delete(other)
      all.set(uid, { count, at: now() })
    },
    forget: (uid: string): void => void all.delete(uid),
  }
}
