/**
 * The ledger counts what the servers on each host use. A claim is what one server uses of its host. A restarted
 * controller rebuilds the ledger from the API objects alone.
 *
 * - A seen claim comes from a Server in the cache that has status.host (`observe`). It lasts until the Server has left
 *   that host or is gone (`remove`).
 * - A pending claim comes from a placement that the cache does not show yet (`assume`), so that several placements in a
 *   row do not overcommit a host. It becomes a seen claim when the cache shows the placement. It is dropped if the
 *   write failed (`forget`), if the cache does not show the placement in time (`expire`), or if the Server is gone
 *   (`remove`).
 */
import type { Resources, Server, TaskState } from '../../crds/index.ts'
import type { HostUsage } from './host-view.ts'
import { demandOf } from './request.ts'

export interface ServerKey {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface Claim extends Readonly<Resources> {
  readonly host: string
  /** 1 while the server is being built or has another task that loads the host's disk, else 0. */
  readonly ioOps: 0 | 1
}

interface PendingClaim extends Claim {
  readonly expires: number
  written: boolean
}

interface Entry {
  readonly key: ServerKey
  seen: Claim | undefined
  pending: PendingClaim | undefined
}

type Totals = { -readonly [K in keyof HostUsage]: HostUsage[K] }

/** Task states that count as I/O workload in Nova. The vmState building counts too. */
const ioTaskStates: ReadonlySet<TaskState> = new Set([
  'resize_migrating',
  'rebuilding',
  'resize_prep',
  'image_snapshot',
  'image_backup',
  'rescuing',
  'unshelving',
])

/** The claim that follows from a server's status; undefined if the server has no host. */
export function claimOf({ status }: Server): Claim | undefined {
  if (status?.host === undefined) return undefined
  const { instance, vmState, taskState } = status
  const sizes = instance ? demandOf(instance.flavor, instance.image) : { vcpus: 0, ram: 0, disk: 0 }
  const loadsDisk = vmState === 'building' || (taskState !== undefined && ioTaskStates.has(taskState))
  return { host: status.host, ...sizes, ioOps: loadsDisk ? 1 : 0 }
}

const keyOf = ({ metadata: { namespace = '', name, uid = '' } }: Pick<Server, 'metadata'>): ServerKey => ({
  namespace,
  name,
  uid,
})
const path = ({ namespace, name }: Pick<ServerKey, 'namespace' | 'name'>) => `${namespace}/${name}`

/** Every method takes constant time except `expire`, which takes time in proportion to the number of pending claims. */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  readonly #totals = new Map<string, Totals>()
  /** Entries with a pending claim, in the order of the calls of `assume`. */
  readonly #pending = new Map<string, Entry>()
  readonly #listeners = new Set<(host: string) => void>()

  observe(server: Server): void {
    const entry = this.#getOrCreateEntry(keyOf(server))
    const claim = claimOf(server)
    this.#addToTotals(entry.seen, -1)
    entry.seen = claim
    this.#addToTotals(claim, 1)
    if (claim !== undefined && claim.host === entry.pending?.host) this.#dropPending(entry)
    this.#deleteIfEmpty(entry)
  }

  /** To be called with a server that is gone from the cache. A newer server of the same name keeps its claims. */
  remove(server: Pick<Server, 'metadata'>): void {
    const entry = this.#entryOf(keyOf(server))
    if (entry) this.#removeEntry(entry)
  }

  /**
   * Adds a pending claim for a placement that is about to be written.
   * @param expires the time in monotonic milliseconds at which `expire` may drop the claim
   */
  assume(key: ServerKey, host: string, sizes: Resources, expires: number): void {
    const entry = this.#getOrCreateEntry(key)
    this.#dropPending(entry)
    if (entry.seen?.host !== host) {
      entry.pending = { host, vcpus: sizes.vcpus, ram: sizes.ram, disk: sizes.disk, ioOps: 1, expires, written: false }
      this.#addToTotals(entry.pending, 1)
      this.#pending.set(path(key), entry)
    }
    this.#deleteIfEmpty(entry)
  }

  /**
   * To be called when the API server has accepted the placement. The claim then counts as written, because the cache
   * will show the placement.
   */
  confirm(key: ServerKey): void {
    const { pending } = this.#entryOf(key) ?? {}
    if (pending) pending.written = true
  }

  pendingClaimOf(key: ServerKey): { host: string; written: boolean } | undefined {
    return this.#entryOf(key)?.pending
  }

  forget(key: ServerKey): void {
    const entry = this.#entryOf(key)
    if (!entry) return
    this.#dropPending(entry)
    this.#deleteIfEmpty(entry)
  }

  /** Drops the pending claims whose time is over. Returns their servers, for the caller to log. */
  expire(now: number): ServerKey[] {
    const late = [...this.#pending.values()].filter((e) => (e.pending?.expires ?? 0) <= now)
    for (const entry of late) {
      this.#dropPending(entry)
      this.#deleteIfEmpty(entry)
    }
    return late.map((e) => e.key)
  }

  onChange(listener: (host: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Always the same object, whose numbers change, so that a HostView can keep it. */
  usageOf(host: string): HostUsage {
    return this.#totalsOf(host)
  }

  /** The host in the server's pending claim, or else in its seen claim; undefined without a claim. */
  hostOf(namespace: string, name: string): string | undefined {
    const entry = this.#entries.get(path({ namespace, name }))
    return entry?.pending?.host ?? entry?.seen?.host
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  #entryOf(key: ServerKey): Entry | undefined {
    const entry = this.#entries.get(path(key))
    return entry?.key.uid === key.uid ? entry : undefined
  }

  #getOrCreateEntry(key: ServerKey): Entry {
    const found = this.#entries.get(path(key))
    if (found?.key.uid === key.uid) return found
    // A server with this name and another uid was deleted while the watch was interrupted, so its claims are dropped.
    if (found) this.#removeEntry(found)
    const entry: Entry = { key, seen: undefined, pending: undefined }
    this.#entries.set(path(key), entry)
    return entry
  }

  #removeEntry(entry: Entry): void {
    this.#addToTotals(entry.seen, -1)
    entry.seen = undefined
    this.#dropPending(entry)
    this.#deleteIfEmpty(entry)
  }

  #dropPending(entry: Entry): void {
    this.#addToTotals(entry.pending, -1)
    entry.pending = undefined
    this.#pending.delete(path(entry.key))
  }

  #deleteIfEmpty(entry: Entry): void {
    if (entry.seen === undefined && entry.pending === undefined) this.#entries.delete(path(entry.key))
  }

  #addToTotals(claim: Claim | undefined, sign: 1 | -1): void {
    if (claim === undefined) return
    const totals = this.#totalsOf(claim.host)
    totals.vcpus += sign * claim.vcpus
    totals.ram += sign * claim.ram
    totals.disk += sign * claim.disk
    totals.ioOps += sign * claim.ioOps
    totals.servers += sign
    for (const listener of this.#listeners) listener(claim.host)
  }

  #totalsOf(host: string): Totals {
    let totals = this.#totals.get(host)
    if (totals === undefined) {
      totals = { vcpus: 0, ram: 0, disk: 0, servers: 0, ioOps: 0 }
      this.#totals.set(host, totals)
    }
    return totals
  }
}
