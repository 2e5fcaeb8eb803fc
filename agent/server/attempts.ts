/**
 * Counts the failed tries of a server's action, and delays the next try. After some tries the failure becomes a fault
 * (an error in the status).
 * The counts are only in memory, so that a server reaches its desired state however often the agent is killed. Steps
 * are idempotent, and the kubelet delays restarts. A server that makes the agent crash can be deleted, because a
 * deletion is planned before any other action.
 */
import { actions } from '../../actions/index.ts'
import type { Planned } from './plan.ts'
import type { Failure } from './status.ts'

interface Backoff {
  baseMs: number
  maxMs: number
}

export interface AttemptOptions extends Backoff {
  /** After this many failed tries, even a transient error becomes the server's fault (an error in the status). */
  max: number
  /**
   * The delay before a domain that has ended by itself is restarted. After `calmMs` without a restart, the next one is
   * not delayed.
   */
  restart: Backoff & { calmMs: number }
}

/** How many times in a row a domain was restarted, and the delay before the next restart. */
export interface Restarts {
  count: number
  delayMs: number
}

export interface Attempts {
  /**
   * Returns the failure, with `final` true if this was the last try. `rejectsHost` (try another host) stays true only
   * if the action builds the server: a built server has disks on this host.
   */
  countFailure(uid: string, planned: Planned, failure: Failure): Failure
  /**
   * Returns the milliseconds until this action may be tried; 0 means now. `restarts` is set only if the action waits
   * because a restarted domain soon ended again. It is not set if the action waits because a try failed.
   */
  backoffRemaining(uid: string, planned: Planned): { ms: number; restarts?: Restarts }
  /** Call it when the action has succeeded or has failed for good. Tries are then counted from zero. */
  recordEnd(uid: string, planned: Planned, failure?: Failure): void
}

/**
 * Some actions are retried forever:
 * - a deletion, because there is no state to fall back to;
 * - an action in which only a clean-up step fails;
 * - the restoration of a server, because a host that has just booted may lack its bridge or file system for a moment;
 * - any action while libvirt is busy with the domain;
 * - any action except a creation, while libvirt does not answer. A creation is given up, because another host can
 *   create the server.
 */
const isRetriedForever = ({ action, restores }: Planned, { code, isCleanUp }: Failure): boolean =>
  isCleanUp === true ||
  actions[action].result === 'gone' ||
  restores === true ||
  code === 'LibvirtBusy' ||
  (code === 'LibvirtUnreachable' && !actions[action].builds)

/**
 * Whether to give up because libvirtd has been busy with the domain for too many tries. The user must then look at the
 * host.
 */
const shouldGiveUpWhileBusy = ({ action }: Planned, { code }: Failure, tries: number): boolean =>
  code === 'LibvirtBusy' && tries >= (actions[action].triesWhileBusy ?? Infinity)

const busyMessage = ({ message }: Failure, tries: number): string =>
  `${message}; given up after ${tries} tries: see on the host what libvirtd does with the domain (virsh domjobinfo), then request it again`

/** @param now returns milliseconds of a monotonic clock */
export function createAttempts({ max, restart, ...between }: AttemptOptions, now: () => number): Attempts {
  const restarts = createRestarts(restart, now)
  const tries = new Map<string, { id: string; count: number; failures: number; again: number }>()
  return {
    countFailure(uid, planned, failure) {
      if (failure.final) return keepRejection(planned, failure)
      const { action, id } = planned
      const last = tries.get(uid)
      const before = last?.id === id ? last : { count: 0, failures: 0 }
      const count = before.count + 1
      const failures = before.failures + (isRetriedForever(planned, failure) ? 0 : 1)
      tries.set(uid, { id, count, failures, again: now() + doubledDelay(between, count) })
      if (shouldGiveUpWhileBusy(planned, failure, count))
        return { ...failure, message: busyMessage(failure, count), final: true }
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

function keepRejection({ action }: Planned, failure: Failure): Failure {
  return failure.rejectsHost && !actions[action].builds ? { ...failure, rejectsHost: false } : failure
}

const doubledDelay = ({ baseMs, maxMs }: Backoff, count: number): number =>
  Math.min(maxMs, baseMs * 2 ** Math.min(count - 1, 20))

/**
 * Without a delay, a guest whose QEMU dies at once would be started in a loop that fills the action records and events.
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
      // Forget the old restarts of all servers, because a server that has moved to another host may never be restarted
      // here again.
      for (const other of all.keys()) if (!recentRestartOf(other)) all.delete(other)
      all.set(uid, { count, at: now() })
    },
    forget: (uid: string): void => void all.delete(uid),
  }
}
