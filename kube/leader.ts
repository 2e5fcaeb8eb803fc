// Leader election by a Lease: one process works, the others stand by with warm caches and take over at once when it stops.
import { createAbortScope } from './abort.ts'
import { type Lease, leases } from './builtin-kinds.ts'
import type { Kube } from './client.ts'
import { type Clock, toMicroTime } from './clock.ts'
import { ignoreNotFound, isConflict, isNotFound } from './errors.ts'
import { decideLeaseAction, type LeaseObservation, observeLease } from './lease-state.ts'
import { type Log, noLog } from './log.ts'
import { defineGauge, type Metrics } from './metrics.ts'
import type { Resource } from './resource.ts'

const master = defineGauge('leader_election_master_status', '1 while this process leads, by lease.', ['name'])

export interface LeaderOptions {
  kube: Kube
  namespace: string
  /** Name of the Lease. */
  name: string
  /** Unique to this process: host name and a random part, not the host name alone. */
  identity: string
  /** How long others wait after the last renewal they saw (15 000). */
  leaseMs?: number | undefined
  /** A leader that could not renew for this long stops leading (10 000): less than `leaseMs`, so it stops before anyone else begins. */
  renewDeadlineMs?: number | undefined
  /** Between two tries, of leader and candidates (2 000). */
  retryMs?: number | undefined
  log?: Log | undefined
  metrics?: Metrics | undefined
  clock?: Clock | undefined
}

/** How leading ended: told to stop; could not renew in time; or the work ended by itself. */
export type LeadershipEnd = 'stopped' | 'lost' | 'finished'

/**
 * Waits to become leader, then runs `work` until it ends, until leadership is lost, or until `signal` aborts; in the last two cases the
 * work's own signal aborts first. Resolves when the work has ended and the lease is given back. Rejects with what `work` throws.
 * After `lost` a process should exit: another one leads now. `holds` is for {@link fenced}: it is false as soon as the lease may have run
 * out, also if this process was frozen and could not be told so.
 */
export async function runAsLeader(
  options: LeaderOptions,
  work: (signal: AbortSignal, holds: () => boolean) => Promise<void>,
  signal: AbortSignal,
): Promise<LeadershipEnd> {
  await using election = new Election(options)
  if (!(await election.acquire(signal))) return 'stopped'
  const ended = new AbortController()
  const lost = new AbortController()
  // Renewed while the work drains, too: a lease that expires under a slow stop would have two leaders.
  const renewing = election.renewUntilLost(ended.signal).then((kept) => {
    if (!kept) lost.abort(new Error(`lease ${options.name} is lost`))
  })
  using both = createAbortScope([signal, lost.signal])
  try {
    await work(both.signal, () => election.isLeading)
  } catch (error) {
    // Work that was told to stop may well end in its abort reason.
    if (!signal.aborted && !lost.signal.aborted) throw error
  } finally {
    ended.abort()
    await renewing
  }
  if (lost.signal.aborted) return 'lost'
  return signal.aborted ? 'stopped' : 'finished'
}

class Election implements AsyncDisposable {
  readonly #options: LeaderOptions
  readonly #leases: Resource<Lease>
  readonly #clock: Clock
  readonly #log: Log
  readonly #retryMs: number
  #lease: Lease | undefined
  #sighting: LeaseObservation | undefined
  #held = false
  /** On the clock, from before the call: others count from when the server wrote it, its answer may be slow in coming. */
  #renewed = -Infinity

  constructor(options: LeaderOptions) {
    const { leaseMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2_000 } = options
    if (!(retryMs < renewDeadlineMs && renewDeadlineMs < leaseMs)) {
      throw new RangeError(`retryMs ${retryMs} < renewDeadlineMs ${renewDeadlineMs} < leaseMs ${leaseMs} must hold`)
    }
    this.#options = options
    this.#leases = options.kube.resource<Lease>(leases)
    this.#clock = options.clock ?? options.kube.clock
    this.#log = (options.log ?? noLog).child({ lease: options.name, identity: options.identity })
    this.#retryMs = retryMs
    this.#show(false)
  }

  get isLeading(): boolean {
    const { renewDeadlineMs = 10_000 } = this.#options
    return this.#held && this.#clock.now() - this.#renewed < renewDeadlineMs
  }

  /** Resolves when the lease is ours: true; or when `signal` aborts: false. Failures are logged and tried again. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const result = await this.#try(this.#retryMs * 2)
      if (result === 'ours') return true
      // Someone was quicker: look again soon, for a lease to watch.
      if (result === 'raced') await this.#clock.sleep(50 + Math.random() * 100, signal).catch(() => undefined)
      else if (!signal.aborted) await this.#standBy(signal)
    }
    return false
  }

  /** Renews until `signal` aborts: true; or until leadership is lost: false. */
  async renewUntilLost(signal: AbortSignal): Promise<boolean> {
    const { renewDeadlineMs = 10_000, identity } = this.#options
    for (;;) {
      await this.#clock.sleep(this.#retryMs, signal).catch(() => undefined) // aborted: the next line ends it
      if (signal.aborted) return true
      const left = this.#renewed + renewDeadlineMs - this.#clock.now()
      if (left > 0) await this.#try(left)
      const holder = this.#sighting?.holder
      const usurped = holder !== undefined && holder !== identity
      const sinceMs = this.#clock.now() - this.#renewed
      if (!usurped && sinceMs < renewDeadlineMs) continue
      this.#log.error({ sinceMs, holder }, 'leadership lost')
      this.#held = false
      this.#show(false)
      return false
    }
  }

  /** Gives the lease back, so that a candidate need not wait for it to expire. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#show(false)
    if (!this.#held) return
    this.#held = false
    try {
      const { leaseTransitions = 0 } = this.#lease?.spec ?? {}
      await this.#write(
        { holderIdentity: '', leaseDurationSeconds: 1, renewTime: this.#now(), leaseTransitions },
        5_000,
      )
      this.#log.info({}, 'leadership given back')
    } catch (err) {
      this.#log.warn({ err }, 'leadership could not be given back, it will expire')
    }
  }

  /**
   * One look and, if it is our turn, one write. `ours` as of now; `raced`: someone wrote in between. Never aborted half-way: a write whose answer nobody
   * awaits could not be given back.
   */
  async #try(timeoutMs: number): Promise<'ours' | 'theirs' | 'raced' | 'failed'> {
    const { namespace, name, identity } = this.#options
    const asked = this.#clock.now()
    try {
      // A holder writes on top of what it wrote last: one call per renewal. Anyone else looks first.
      if (!this.#held) this.#see(await ignoreNotFound(this.#leases.get({ namespace, name }, { timeoutMs })))
      const move = decideLeaseAction(identity, this.#lease, this.#sighting, this.#clock.now())
      if (typeof move === 'object') return 'theirs'
      await this.#write(this.#claim(move), timeoutMs)
    } catch (err) {
      // A create that is not found has no namespace to be in.
      if (isConflict(err) || (isNotFound(err) && this.#lease)) {
        this.#held = false // someone wrote or deleted it: look again before the next write
        return 'raced'
      }
      this.#log.warn({ err }, 'lease could not be read or written')
      return 'failed'
    }
    if (!this.#held) this.#log.info({}, 'leading')
    this.#held = true
    this.#renewed = asked
    this.#show(true)
    return 'ours'
  }

  #claim(move: 'create' | 'renew' | 'take'): NonNullable<Lease['spec']> {
    const { identity, leaseMs = 15_000 } = this.#options
    const before = this.#lease?.spec ?? {}
    const renewTime = this.#now()
    const mine = { holderIdentity: identity, leaseDurationSeconds: Math.ceil(leaseMs / 1000), renewTime }
    if (move === 'renew') return { ...before, ...mine }
    const transitions = move === 'create' ? 0 : (before.leaseTransitions ?? 0) + 1
    return { ...mine, acquireTime: renewTime, leaseTransitions: transitions }
  }

  /** Compare-and-swap: two candidates that decided the same cannot both succeed. */
  async #write(spec: NonNullable<Lease['spec']>, timeoutMs: number): Promise<void> {
    const { namespace, name } = this.#options
    const { labels, annotations, ownerReferences, resourceVersion } = this.#lease?.metadata ?? {}
    const metadata = { namespace, name, labels, annotations, ownerReferences, resourceVersion }
    const write = resourceVersion ? this.#leases.update : this.#leases.create
    this.#see(await write({ metadata, spec }, { timeoutMs }))
  }

  /** Until the lease is free, or its holder has been silent for its duration. A watch tells; without one, after the retry time. */
  async #standBy(signal: AbortSignal): Promise<void> {
    const { namespace, name } = this.#options
    using woken = createAbortScope([signal])
    const both = woken.signal
    let cancel = (): void => undefined
    const arm = (): void => {
      cancel()
      const now = this.#clock.now()
      const left = this.#sighting ? this.#sighting.durationMs - (now - this.#sighting.since) : 0
      cancel = this.#clock.timer(Math.max(left, this.#retryMs * (0.5 + Math.random() / 2)), () => woken.abort())
    }
    arm()
    try {
      const resourceVersion = this.#lease?.metadata.resourceVersion
      const scope = { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion }
      const events = resourceVersion ? this.#leases.watch({ ...scope, signal: both }) : []
      for await (const { type, object } of events) {
        if (type === 'BOOKMARK') continue
        this.#see(type === 'DELETED' ? undefined : object)
        if (!this.#sighting) return
        arm()
      }
      await this.#clock.sleep(this.#retryMs, both)
    } catch (err) {
      if (both.aborted) return
      this.#log.debug({ err }, 'lease cannot be watched, polling')
      await this.#clock.sleep(this.#retryMs, both).catch(() => undefined)
    } finally {
      cancel()
    }
  }

  #see(lease: Lease | undefined): void {
    this.#lease = lease
    this.#sighting = observeLease(this.#sighting, lease, this.#clock.now())
  }

  #now(): string {
    return toMicroTime(this.#clock.wall())
  }

  #show(leading: boolean): void {
    const { metrics = this.#options.kube.metrics, name } = this.#options
    metrics.set(master, { name }, leading ? 1 : 0)
  }
}
