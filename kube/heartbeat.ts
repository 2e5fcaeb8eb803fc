// A Lease as a sign of life: one who writes it (an agent for its host), and one who tells from an informer who is dead.
import type { Kube } from './client.ts'
import { type Clock, microTime, systemClock } from './clock.ts'
import { type Lease, leases } from './core.ts'
import type { Informer } from './informer.ts'
import { isDead, observe, type Sighting } from './lease-state.ts'
import { type Log, noLog } from './log.ts'
import { counter, gauge } from './metrics.ts'
import { keyOf, type OwnerReference } from './types.ts'

const beats = counter('heartbeat_total', 'Heartbeats written, by result.', ['name', 'result'])
const age = gauge('heartbeat_age_seconds', 'Time since the last heartbeat that the server took.', ['name'])

export interface HeartbeatOptions {
  kube: Kube
  namespace: string
  name: string
  /** Who lives: goes into holderIdentity. */
  identity: string
  /** When observers may call us dead (40 000), and how often we write (10 000): three beats may be missed. */
  durationMs?: number | undefined
  everyMs?: number | undefined
  /** The lease goes when its owner goes. */
  owner?: OwnerReference | undefined
  labels?: Record<string, string> | undefined
  log?: Log | undefined
  clock?: Clock | undefined
}

export interface Heartbeat {
  /** Milliseconds since the server last took a beat, counted from before the call. From `durationMs` on, others may think us dead. */
  readonly ageMs: number
  /** Resolves when the signal has aborted and nothing is under way. */
  readonly ended: Promise<void>
}

/** Beats until `signal` aborts. The lease is left to expire: a restart within its duration is nobody's business. */
export function startHeartbeat(options: HeartbeatOptions, signal: AbortSignal): Heartbeat {
  const { kube, namespace, name, identity, durationMs = 40_000, everyMs = 10_000, owner, labels } = options
  const { log = noLog, clock = kube.clock } = options
  const handle = kube.resource<Lease>(leases)
  let last = -Infinity
  const metadata = { namespace, name, labels, ownerReferences: owner ? [owner] : undefined }
  const beat = async (): Promise<void> => {
    const asked = clock.now()
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      renewTime: microTime(clock.wall()),
    }
    try {
      await handle.apply({ metadata, spec }, { signal, timeoutMs: everyMs })
      last = asked
      kube.metrics.inc(beats, { name, result: 'success' })
    } catch (err) {
      if (signal.aborted) return
      kube.metrics.inc(beats, { name, result: 'error' })
      log.warn({ err, lease: name, ageMs: clock.now() - last }, 'heartbeat not written')
    }
  }
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const started = clock.now()
      await beat()
      const rest = everyMs * (0.95 + Math.random() / 10) - (clock.now() - started)
      await clock.sleep(Math.max(rest, everyMs / 10), signal).catch(() => undefined) // aborted: the loop ends
    }
  }
  const stopScrape = kube.metrics.onScrape(() => {
    if (Number.isFinite(last)) kube.metrics.set(age, { name }, (clock.now() - last) / 1000)
  })
  const ended = run().finally(stopScrape)
  return {
    ended,
    get ageMs() {
      return clock.now() - last
    },
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
export function observeLeases(informer: Informer<Lease>, clock: Clock = systemClock): LeaseObserver {
  const sightings = new Map<string, Sighting>()
  const see = (lease: Lease): void => {
    const key = keyOf(lease.metadata)
    const sighting = observe(sightings.get(key), lease, clock.now())
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
      return isDead(sighting, informer.hearing, clock.now()) ? 'dead' : 'alive'
    },
    silentMs(key) {
      const sighting = sightings.get(key)
      return sighting && clock.now() - sighting.since
    },
    stop,
  }
}
