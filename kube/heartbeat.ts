// A Lease as a sign of life: one who writes it (an agent for its host), and one who tells from an informer who is dead.

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

const beats = defineCounter('heartbeat_total', 'Heartbeats written, by result.', ['name', 'result'])
const age = defineGauge('heartbeat_age_seconds', 'Time since the last heartbeat that the server took.', ['name'])

export interface HeartbeatOptions {
  kube: Kube
  namespace: string
  name: string
  /**
   * Who lives: goes into holderIdentity. The same after a restart, and nobody else's: while another holds the lease and renews it, there is no beat
   * of ours.
   */
  identity: string
  /** When observers may call us dead (40 000), and how often we write (10 000): three beats may be missed. */
  durationMs?: number | undefined
  everyMs?: number | undefined
  /** The lease goes when its owner goes. Asked at each beat. */
  owner?: (() => OwnerReference | undefined) | undefined
  labels?: Record<string, string> | undefined
  log?: Log | undefined
  clock?: Clock | undefined
}

export interface Heartbeat {
  /** Milliseconds since the server last took a beat, counted from before the call. From `durationMs` on, others may think us dead. */
  readonly ageMs: number
  /** Who else holds the lease, as last seen. */
  readonly otherHolder: string | undefined
  /** Resolves at the first beat that the server took; never, if there is none. */
  readonly acquired: Promise<void>
  /** Aborts when someone else holds the lease that was ours: what this process believes may be outdated. */
  readonly lost: AbortSignal
  /** Resolves when the signal has aborted and nothing is under way. */
  readonly ended: Promise<void>
}

/** Beats until `signal` aborts. The lease is left to expire: a restart within its duration is nobody's business. */
export function startHeartbeat(options: HeartbeatOptions, signal: AbortSignal): Heartbeat {
  const { kube, name, everyMs = 10_000, log = noLog, clock = kube.clock } = options
  const pulse = new Pulse(options)
  const held = Promise.withResolvers<void>()
  const taken = new AbortController()
  let complained = -Infinity
  const beat = async (): Promise<boolean> => {
    try {
      if (!(await pulse.beat(signal))) return false
      kube.metrics.inc(beats, { name, result: 'success' })
      held.resolve()
      return true
    } catch (err) {
      if (signal.aborted) return false
      kube.metrics.inc(beats, { name, result: 'error' })
      // It is tried more often than that: an API server that is away for hours is not worth a line each second.
      if (clock.now() - complained < everyMs) return false
      complained = clock.now()
      log.warn({ err, lease: name, ageMs: pulse.ageMs }, 'heartbeat not written')
      return false
    }
  }
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const started = clock.now()
      const well = await beat()
      if (pulse.rival !== undefined && Number.isFinite(pulse.ageMs))
        taken.abort(new Error(`lease ${name} is held by ${pulse.rival}`))
      // A beat that was missed is made up for soon: what waits for it has waited long enough.
      const rest = well ? everyMs * (0.95 + Math.random() / 10) - (clock.now() - started) : everyMs / 10
      await clock.sleep(Math.max(rest, everyMs / 10), signal).catch(() => undefined) // aborted: the loop ends
    }
  }
  const stopScrape = kube.metrics.onScrape(() => {
    if (Number.isFinite(pulse.ageMs)) kube.metrics.set(age, { name }, pulse.ageMs / 1000)
  })
  const ended = run().finally(stopScrape)
  return {
    ended,
    acquired: held.promise,
    lost: taken.signal,
    get ageMs() {
      return pulse.ageMs
    },
    get otherHolder() {
      return pulse.rival
    },
  }
}

/** The lease as it was last seen, and one beat after the other on top of it. */
class Pulse {
  readonly #options: HeartbeatOptions
  readonly #handle: Resource<Lease>
  readonly #clock: Clock
  #lease: Lease | undefined
  #sighting: LeaseObservation | undefined
  /** What we saw last is what we wrote: one call for each beat. */
  #ours = false
  #last = -Infinity

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#handle = options.kube.resource<Lease>(leases)
    this.#clock = options.clock ?? options.kube.clock
  }

  get ageMs(): number {
    return this.#clock.now() - this.#last
  }

  get rival(): string | undefined {
    const holder = this.#sighting?.holder
    return holder === this.#options.identity ? undefined : holder
  }

  /** False: someone else holds the lease, or wrote it just now. Rejects with what kept it from being read or written. */
  async beat(signal: AbortSignal): Promise<boolean> {
    const { namespace, name, identity, everyMs: timeoutMs = 10_000 } = this.#options
    const asked = this.#clock.now()
    const call = { signal, timeoutMs }
    if (!this.#ours) this.#see(await ignoreNotFound(this.#handle.get({ namespace, name }, call)))
    if (typeof decideLeaseAction(identity, this.#lease, this.#sighting, this.#clock.now()) === 'object') return false
    try {
      this.#see(await this.#handle.apply(this.#wanted(), call))
    } catch (error) {
      this.#ours = false // a write whose answer was lost, or someone else's: looked at before the next one
      if (isConflict(error)) return false
      throw error
    }
    this.#ours = true
    this.#last = asked
    return true
  }

  /** Onto the lease as it was seen: of two who do that at once one does not succeed. */
  #wanted(): Draft<Lease> {
    const { namespace, name, identity, labels, owner, durationMs = 40_000 } = this.#options
    const resourceVersion = this.#lease?.metadata.resourceVersion
    const ownedBy = owner?.()
    return {
      metadata: { namespace, name, labels, ownerReferences: ownedBy && [ownedBy], resourceVersion },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(durationMs / 1000),
        renewTime: toMicroTime(this.#clock.wall()),
      },
    }
  }

  #see(lease: Lease | undefined): void {
    this.#lease = lease
    this.#sighting = observeLease(this.#sighting, lease, this.#clock.now())
  }
}

/** Tells from an informer of leases who is alive, by this process's own clock. */
export interface LeaseObserver {
  /** `unknown`: there is no such lease, or nobody holds it. */
  state(key: string): 'alive' | 'dead' | 'unknown'
  /** Milliseconds since the lease was last seen to change; undefined if unknown. */
  silentMs(key: string): number | undefined
  stop(): void
}

/** Create it before the informer starts; both must use the same clock. */
export function createLeaseObserver(informer: Informer<Lease>, clock: Clock = systemClock): LeaseObserver {
  const sightings = new Map<string, LeaseObservation>()
  const see = (lease: Lease): void => {
    const key = keyOf(lease.metadata)
    const sighting = observeLease(sightings.get(key), lease, clock.now())
    if (sighting) sightings.set(key, sighting)
    else sightings.delete(key)
  }
  const stop = informer.on({
    added: see,
    updated: (_, lease) => see(lease),
    deleted: (lease) => void sightings.delete(keyOf(lease.metadata)),
  })
  return {
    state(key) {
      const sighting = sightings.get(key)
      if (!sighting) return 'unknown'
      return isHolderDead(sighting, informer.watchHealth, clock.now()) ? 'dead' : 'alive'
    },
    silentMs(key) {
      const sighting = sightings.get(key)
      return sighting && clock.now() - sighting.since
    },
    stop,
  }
}
