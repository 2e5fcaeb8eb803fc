// The agent of a host renews the host's Lease. An observer finds out with an informer of Leases which hosts are alive.
import { type Lease, leases } from './builtin-kinds.ts'
import type { Kube } from './client.ts'
import { type Clock, systemClock, toMicroTime } from './clock.ts'
import { ignoreNotFound, isConflict } from './errors.ts'
import type { Informer } from './informer.ts'
import { decideLeaseAction, isHolderDead, type LeaseObservation, observeLease } from './lease-state.ts'
import { type Log, noLog } from './log.ts'
import { defineCounter, defineGauge } from './metrics.ts'
import type { Resource } from './resource.ts'
import { type Draft, keyOf, type OwnerReference } from './types.ts'

const heartbeats = defineCounter('heartbeat_total', 'Heartbeats written, by result.', ['name', 'result'])
const age = defineGauge('heartbeat_age_seconds', 'Time since the last heartbeat that the API server accepted.', [
  'name',
])

export interface HeartbeatOptions {
  kube: Kube
  namespace: string
  name: string
  /**
   * holderIdentity of the lease: unique, and the same after a restart of this process. While another holder renews the
   * lease, this process writes no heartbeat.
   */
  identity: string
  /** Milliseconds after which observers may call a silent holder dead; 40 000 by default. */
  durationMs?: number | undefined
  /** Interval of the heartbeats in ms; 10 000 by default, so that three may be missed. */
  everyMs?: number | undefined
  /**
   * The owner reference of the lease, with which the lease is deleted together with its owner. Called for each
   * heartbeat.
   */
  owner?: (() => OwnerReference | undefined) | undefined
  labels?: Record<string, string> | undefined
  log?: Log | undefined
  clock?: Clock | undefined
}

export interface Heartbeat {
  /**
   * Milliseconds since the last accepted heartbeat, counted from the moment before it was sent. If this exceeds
   * `durationMs`, observers may consider the holder dead.
   */
  readonly ageMs: number
  /** Identity of the other process that held the lease when this process last saw it. Undefined if there was none. */
  readonly otherHolder: string | undefined
  /** Resolves at the first accepted heartbeat. */
  readonly acquired: Promise<void>
  /**
   * Aborts when another process has taken the lease that this process held. Data that this process has cached may then
   * be outdated, because the other process may have changed things since.
   */
  readonly lost: AbortSignal
  /** Resolves when the signal that was passed to {@link startHeartbeat} has aborted and no call is under way. */
  readonly ended: Promise<void>
}

/**
 * Renews the lease until `signal` aborts. Does not release the lease at the end: if the process starts again before the
 * lease expires, observers do not notice the restart.
 */
export function startHeartbeat(options: HeartbeatOptions, signal: AbortSignal): Heartbeat {
  const { kube, name, everyMs = 10_000, log = noLog, clock = kube.clock } = options
  const lease = new RenewedLease(options)
  const acquired = Promise.withResolvers<void>()
  const lost = new AbortController()
  let loggedAt = -Infinity
  const renew = async (): Promise<boolean> => {
    try {
      if (!(await lease.renew(signal))) return false
      kube.metrics.inc(heartbeats, { name, result: 'success' })
      acquired.resolve()
      return true
    } catch (err) {
      if (signal.aborted) return false
      kube.metrics.inc(heartbeats, { name, result: 'error' })
      // Failed heartbeats are retried often; one log line per interval is enough.
      if (clock.now() - loggedAt < everyMs) return false
      loggedAt = clock.now()
      log.warn({ err, lease: name, ageMs: lease.ageMs }, 'heartbeat not written')
      return false
    }
  }
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const started = clock.now()
      const isRenewed = await renew()
      if (lease.otherHolder !== undefined && Number.isFinite(lease.ageMs))
        lost.abort(new Error(`lease ${name} is held by ${lease.otherHolder}`))
      const pause = isRenewed ? everyMs * (0.95 + Math.random() / 10) - (clock.now() - started) : everyMs / 10
      await clock.sleep(Math.max(pause, everyMs / 10), signal).catch(() => undefined)
    }
  }
  const removeScraper = kube.metrics.onScrape(() => {
    if (Number.isFinite(lease.ageMs)) kube.metrics.set(age, { name }, lease.ageMs / 1000)
  })
  const ended = run().finally(removeScraper)
  return {
    ended,
    acquired: acquired.promise,
    lost: lost.signal,
    get ageMs() {
      return lease.ageMs
    },
    get otherHolder() {
      return lease.otherHolder
    },
  }
}

class RenewedLease {
  readonly #options: HeartbeatOptions
  readonly #leases: Resource<Lease>
  readonly #clock: Clock
  #lease: Lease | undefined
  #observation: LeaseObservation | undefined
  /** true: this process made the last known change of the lease, so a renewal need not read the lease first. */
  #isOwnWrite = false
  #renewedAt = -Infinity

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#leases = options.kube.resource<Lease>(leases)
    this.#clock = options.clock ?? options.kube.clock
  }

  get ageMs(): number {
    return this.#clock.now() - this.#renewedAt
  }

  get otherHolder(): string | undefined {
    const holder = this.#observation?.holder
    return holder === this.#options.identity ? undefined : holder
  }

  /**
   * Resolves to false if another process holds the lease or has just written it. Rejects if the lease cannot be read or
   * written.
   */
  async renew(signal: AbortSignal): Promise<boolean> {
    const { namespace, name, identity, everyMs: timeoutMs = 10_000 } = this.#options
    const started = this.#clock.now()
    const call = { signal, timeoutMs }
    if (!this.#isOwnWrite) this.#observe(await ignoreNotFound(this.#leases.get({ namespace, name }, call)))
    const action = decideLeaseAction(identity, this.#lease, this.#observation, this.#clock.now())
    if (typeof action === 'object') return false
    try {
      this.#observe(await this.#leases.apply(this.#desiredLease(), call))
    } catch (error) {
      // The failed write may have succeeded all the same, or another process may have written the lease, so the next
      // renewal reads it first.
      this.#isOwnWrite = false
      if (isConflict(error)) return false
      throw error
    }
    this.#isOwnWrite = true
    this.#renewedAt = started
    return true
  }

  /**
   * The returned lease has the resourceVersion as last seen, so that only one write succeeds if two processes write at
   * the same time.
   */
  #desiredLease(): Draft<Lease> {
    const { namespace, name, identity, labels, owner, durationMs = 40_000 } = this.#options
    const resourceVersion = this.#lease?.metadata.resourceVersion
    const ownerReference = owner?.()
    return {
      metadata: { namespace, name, labels, ownerReferences: ownerReference && [ownerReference], resourceVersion },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(durationMs / 1000),
        renewTime: toMicroTime(this.#clock.wall()),
      },
    }
  }

  #observe(lease: Lease | undefined): void {
    this.#lease = lease
    this.#observation = observeLease(this.#observation, lease, this.#clock.now())
  }
}

export interface LeaseObserver {
  /** `unknown`: the lease does not exist or has no holder. */
  state(key: string): 'alive' | 'dead' | 'unknown'
  /** Milliseconds since the lease was last seen to change; undefined if its state is unknown. */
  silentMs(key: string): number | undefined
  stop(): void
}

/**
 * Create the observer before the informer starts, so that the observer sees each lease as soon as the informer does.
 * Give both the same clock, because the observer compares its own times with those of the informer.
 */
export function createLeaseObserver(informer: Informer<Lease>, clock: Clock = systemClock): LeaseObserver {
  const observations = new Map<string, LeaseObservation>()
  const observe = (lease: Lease): void => {
    const key = keyOf(lease.metadata)
    const observation = observeLease(observations.get(key), lease, clock.now())
    if (observation) observations.set(key, observation)
    else observations.delete(key)
  }
  const stop = informer.on({
    added: observe,
    updated: (_, lease) => observe(lease),
    deleted: (lease) => void observations.delete(keyOf(lease.metadata)),
  })
  return {
    state(key) {
      const observation = observations.get(key)
      if (!observation) return 'unknown'
      return isHolderDead(observation, informer.watchHealth, clock.now()) ? 'dead' : 'alive'
    },
    silentMs(key) {
      const observation = observations.get(key)
      return observation && clock.now() - observation.since
    },
    stop,
  }
}
