/**
 * How often a server's action was tried: after some tries, what keeps failing is a fault.
 *
 * In memory, so a restart counts anew, and an agent that dies before the last try tries again in each of its lives. That is meant. A crash is no
 * failure of the action: an agent may be killed at any instant, any number of times, and the server must still come out as
 * wished, so no count of lives may end in a fault. Nor is it a busy loop: the wait between lives is that of whoever restarts the agent (kubelet: up
 * to 5 minutes), each life repeats steps that are idempotent, and the host shows as down. What fails without killing the agent is counted within one
 * life, some seconds with the defaults. A server that itself kills the agent can be deleted: deletion is planned before all else.
 */
import type { Planned } from './plan.ts'
import type { Failure } from './status.ts'

export interface AttemptOptions {
  /** Tries of an action before a passing error counts as a fault. */
  max: number
  /** First wait between tries, in ms; doubles. */
  baseMs: number
  maxMs: number
}

export interface Attempts {
  judge(uid: string, planned: Planned, failure: Failure): Failure
  /** Milliseconds until this action may be tried again; 0: now. Events that come meanwhile do not shorten it. */
  holdMs(uid: string, mark: string): number
  forget(uid: string): void
}

/**
 * Deletion is tried for ever: there is no state to fall back to. So is what restores a server that was as wished: nobody asked for anything that
 * could be refused, and a host that has started again has its bridge, its memory or its file system a moment later. And while libvirt is away,
 * or busy with the domain, nothing is wrong with the server: it is done after. But what another host may build need not wait for a libvirt that is away.
 */
const isForever = ({ action, restores }: Planned, { code }: Failure): boolean =>
  action === 'delete' ||
  restores === true ||
  code === 'LibvirtBusy' ||
  (code === 'LibvirtUnreachable' && action !== 'create')

/** @param now monotonic milliseconds */
export function createAttempts({ max, baseMs, maxMs }: AttemptOptions, now: () => number): Attempts {
  const tries = new Map<string, { mark: string; count: number; failures: number; again: number }>()
  return {
    judge(uid, planned, failure) {
      if (failure.final) return failure
      const { action, mark } = planned
      const last = tries.get(uid)
      const before = last?.mark === mark ? last : { count: 0, failures: 0 }
      const count = before.count + 1
      const failures = before.failures + (isForever(planned, failure) ? 0 : 1)
      tries.set(uid, { mark, count, failures, again: now() + Math.min(maxMs, baseMs * 2 ** Math.min(count - 1, 20)) })
      if (failures < max || isForever(planned, failure)) return failure
      return { ...failure, final: true, refuse: action === 'create' }
    },
    holdMs(uid, mark) {
      const last = tries.get(uid)
      return last?.mark === mark ? Math.max(0, last.again - now()) : 0
    },
    forget: (uid) => void tries.delete(uid),
  }
}
