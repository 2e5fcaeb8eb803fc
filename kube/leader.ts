import { createAbortScope } from './abort.ts'
import { type Lease, leases } from './builtin-kinds.ts'
import type { Kube } from './client.ts'
import { type Clock, toMicroTime } from './clock.ts'
import { ignoreNotFound, isConflict, isNotFound } from './errors.ts'
import { decideLeaseAction, type LeaseObservation, observeLease } from './lease-state.ts'
import { type Log, noLog } from './log.ts'
import { defineGauge } from './metrics.ts'
import type { Resource } from './resource.ts'

const masterStatus = defineGauge('leader_election_master_status', '1 while this process leads, by lease.', ['name'])

export interface LeaderOptions {
  kube: Kube
  namespace: string
  name: string
  /** holderIdentity: unique to this process, such as a host name with a random part. */
  identity: string
  /**
   * Milliseconds after which other candidates take the lease, counted from the last renewal that they saw; 15 000 by
   * default.
   */
  leaseMs?: number | undefined
  /**
   * A leader that has not renewed the lease for this many ms stops leading; 10 000 by default. Must be less than
   * `leaseMs`, so that the leader stops before another candidate begins.
   */
  renewDeadlineMs?: number | undefined
  /** Interval in ms of the leader's renewals and of the candidates' attempts; 2 000 by default. */
  retryMs?: number | undefined
  log?: Log | undefined
  clock?: Clock | undefined
}

/**
 * `stopped`: the signal aborted. `lost`: the lease could not be renewed in time. `finished`: the work ended by itself.
 */
export type LeadershipEnd = 'stopped' | 'lost' | 'finished'

/**
 * Waits to become the leader, then runs `work` until it ends. If leadership is lost or `signal` aborts, the signal of
 * `work` aborts. Resolves when `work` has ended and the lease is released; rejects with the error of `work`. After
 * `lost` the process should exit.
 *
 * `work` should pass `isLeading` to {@link fenceWrites}. `isLeading` returns false as soon as the lease may have
 * expired, even if this process was frozen.
 */
export async function runAsLeader(
  options: LeaderOptions,
  work: (signal: AbortSignal, isLeading: () => boolean) => Promise<void>,
  signal: AbortSignal,
): Promise<LeadershipEnd> {
  await using election = new Election(options)
  if (!(await election.acquire(signal))) return 'stopped'
  const ended = new AbortController()
  const lost = new AbortController()
  // The lease is renewed until the work has ended: if it expired during a slow stop, there would be two leaders.
  const renewing = election.renewUntilLost(ended.signal).then((isKept) => {
    if (!isKept) lost.abort(new Error(`lease ${options.name} is lost`))
  })
  using both = createAbortScope([signal, lost.signal])
  try {
    await work(both.signal, () => election.isLeading)
  } catch (error) {
    // After an abort, `work` usually rejects with the abort reason.
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
  #observation: LeaseObservation | undefined
  #isHolder = false
  /**
   * When the last successful renewal began. The lease counts from the write, and the answer may arrive long after it,
   * so a leader that counted from the answer would stop too late.
   */
  #renewedAt = -Infinity

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
    this.#setMetric(false)
  }

  get isLeading(): boolean {
    const { renewDeadlineMs = 10_000 } = this.#options
    return this.#isHolder && this.#clock.now() - this.#renewedAt < renewDeadlineMs
  }

  /** Resolves to false when `signal` aborts. Failures are logged and retried. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const result = await this.#acquireOrRenew(this.#retryMs * 2)
      if (result === 'held') return true
      // Another candidate wrote first. `#standBy` watches from the version of the lease that was last read, so the
      // lease is read again soon.
      if (result === 'conflict') await this.#clock.sleep(50 + Math.random() * 100, signal).catch(() => undefined)
      else if (!signal.aborted) await this.#standBy(signal)
    }
    return false
  }

  /** Resolves to true when `signal` aborts, to false when leadership is lost. */
  async renewUntilLost(signal: AbortSignal): Promise<boolean> {
    const { renewDeadlineMs = 10_000, identity } = this.#options
    for (;;) {
      await this.#clock.sleep(this.#retryMs, signal).catch(() => undefined)
      if (signal.aborted) return true
      const left = this.#renewedAt + renewDeadlineMs - this.#clock.now()
      if (left > 0) await this.#acquireOrRenew(left)
      const holder = this.#observation?.holder
      const isTaken = holder !== undefined && holder !== identity
      const sinceMs = this.#clock.now() - this.#renewedAt
      if (!isTaken && sinceMs < renewDeadlineMs) continue
      this.#log.error({ sinceMs, holder }, 'leadership lost')
      this.#isHolder = false
      this.#setMetric(false)
      return false
    }
  }

  /** Releases the lease, so that another candidate need not wait for it to expire. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#setMetric(false)
    if (!this.#isHolder) return
    this.#isHolder = false
    try {
      const { leaseTransitions = 0 } = this.#lease?.spec ?? {}
      await this.#write(
        { holderIdentity: '', leaseDurationSeconds: 1, renewTime: this.#microTime(), leaseTransitions },
        5_000,
      )
      this.#log.info({}, 'leadership released')
    } catch (err) {
      this.#log.warn({ err }, 'leadership could not be released, the lease will expire')
    }
  }

  /**
   * `conflict`: another process wrote in between. The calls take no abort signal: an aborted write might still acquire
   * the lease, which would then never be released.
   */
  async #acquireOrRenew(timeoutMs: number): Promise<'held' | 'heldByOther' | 'conflict' | 'failed'> {
    const { namespace, name, identity } = this.#options
    const started = this.#clock.now()
    try {
      // The holder knows the lease from its last write, so it renews with one call.
      if (!this.#isHolder) this.#observe(await ignoreNotFound(this.#leases.get({ namespace, name }, { timeoutMs })))
      const action = decideLeaseAction(identity, this.#lease, this.#observation, this.#clock.now())
      if (typeof action === 'object') return 'heldByOther'
      await this.#write(this.#leaseSpec(action), timeoutMs)
    } catch (err) {
      // A 404 for a lease that was never seen means that the namespace does not exist: a failure, not a conflict.
      if (isConflict(err) || (isNotFound(err) && this.#lease)) {
        this.#isHolder = false // another process wrote or deleted the lease: read it before the next write
        return 'conflict'
      }
      this.#log.warn({ err }, 'lease could not be read or written')
      return 'failed'
    }
    if (!this.#isHolder) this.#log.info({}, 'leading')
    this.#isHolder = true
    this.#renewedAt = started
    this.#setMetric(true)
    return 'held'
  }

  #leaseSpec(action: 'create' | 'renew' | 'take'): NonNullable<Lease['spec']> {
    const { identity, leaseMs = 15_000 } = this.#options
    const last = this.#lease?.spec ?? {}
    const renewTime = this.#microTime()
    const own = { holderIdentity: identity, leaseDurationSeconds: Math.ceil(leaseMs / 1000), renewTime }
    if (action === 'renew') return { ...last, ...own }
    const transitions = action === 'create' ? 0 : (last.leaseTransitions ?? 0) + 1
    return { ...own, acquireTime: renewTime, leaseTransitions: transitions }
  }

  async #write(spec: NonNullable<Lease['spec']>, timeoutMs: number): Promise<void> {
    const { namespace, name } = this.#options
    const { labels, annotations, ownerReferences, resourceVersion } = this.#lease?.metadata ?? {}
    const metadata = { namespace, name, labels, annotations, ownerReferences, resourceVersion }
    const write = resourceVersion ? this.#leases.update : this.#leases.create
    this.#observe(await write({ metadata, spec }, { timeoutMs }))
  }

  /**
   * Waits until the lease is free or has expired. Watches the lease; if that is not possible, waits for the retry
   * interval.
   */
  async #standBy(signal: AbortSignal): Promise<void> {
    const { namespace, name } = this.#options
    using wake = createAbortScope([signal])
    let cancelTimer = (): void => undefined
    const startTimer = (): void => {
      cancelTimer()
      const now = this.#clock.now()
      const left = this.#observation ? this.#observation.durationMs - (now - this.#observation.since) : 0
      cancelTimer = this.#clock.timer(Math.max(left, this.#retryMs * (0.5 + Math.random() / 2)), () => wake.abort())
    }
    startTimer()
    try {
      const resourceVersion = this.#lease?.metadata.resourceVersion
      const scope = { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion }
      const events = resourceVersion ? this.#leases.watch({ ...scope, signal: wake.signal }) : []
      for await (const { type, object } of events) {
        if (type === 'BOOKMARK') continue
        this.#observe(type === 'DELETED' ? undefined : object)
        if (!this.#observation) return
        startTimer()
      }
      await this.#clock.sleep(this.#retryMs, wake.signal)
    } catch (err) {
      if (wake.signal.aborted) return
      this.#log.debug({ err }, 'the lease cannot be watched, polling it')
      await this.#clock.sleep(this.#retryMs, wake.signal).catch(() => undefined)
    } finally {
      cancelTimer()
    }
  }

  #observe(lease: Lease | undefined): void {
    this.#lease = lease
    this.#observation = observeLease(this.#observation, lease, this.#clock.now())
  }

  #microTime(): string {
    return toMicroTime(this.#clock.wall())
  }

  #setMetric(isLeading: boolean): void {
    const { kube, name } = this.#options
    kube.metrics.set(masterStatus, { name }, isLeading ? 1 : 0)
  }
}
