/**
 * The ledger counts what the servers on each host use. It is derived from the Servers in the cache (status.host and the
 * flavor copied beside it, counted until the Server is gone) plus claims that are decided but not yet seen in the
 * cache, so that several placements in a row do not overcommit a host. A restarted controller rebuilds the ledger from
 * the API alone.
 *
 *   assume(server, host)  pending ──observe shows that host──► seen
 *                            └──forget (write failed) or expire (never seen)──► gone
 *   observe(server)       seen, moved, or no longer on a host      remove(server)  gone, seen and pending
 */
import type { Resources, Server, TaskState } from '../../crds/index.ts'
import type { HostUsage } from './host-view.ts'
import { demandOf } from './request.ts'

/** Identifies one Server object: two with the same name and different uids are different servers. */
export interface ServerKey {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** The resources that one server uses of its host. */
export interface Claim extends Readonly<Resources> {
  readonly host: string
  /** 1 while the server loads the host's disk. */
  readonly ioOps: 0 | 1
}

interface PendingClaim extends Claim {
  readonly expires: number
  /** The API server has confirmed the write. */
  written: boolean
}

interface Entry {
  readonly key: ServerKey
  seen: Claim | undefined
  pending: PendingClaim | undefined
}

type Totals = { -readonly [K in keyof HostUsage]: HostUsage[K] }

/** Task states that Nova counts as I/O workload, besides the vm state building. */
const ioTaskStates: ReadonlySet<TaskState> = new Set([
  'resize_migrating',
  'rebuilding',
  'resize_prep',
  'image_snapshot',
  'image_backup',
  'rescuing',
  'unshelving',
])

/** The claim that the server's status stands for; undefined if the server is on no host. */
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

/** Every method takes constant time, except expire, which is linear in the number of pending claims. */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  readonly #totals = new Map<string, Totals>()
  /** Entries with a pending claim, in the order in which the claims were assumed. */
  readonly #pending = new Map<string, Entry>()
  readonly #listeners = new Set<(host: string) => void>()

  /** To be called with a server that the cache has added or changed. */
  observe(server: Server): void {
    const entry = this.#getOrCreateEntry(keyOf(server))
    const claim = claimOf(server)
    this.#addToTotals(entry.seen, -1)
    entry.seen = claim
    this.#addToTotals(claim, 1)
    if (claim !== undefined && claim.host === entry.pending?.host) this.#dropPending(entry)
    this.#deleteIfEmpty(entry)
  }

  /** To be called with a server that is gone from the cache. A newer server of the same name is not touched. */
  remove(server: Pick<Server, 'metadata'>): void {
    const entry = this.#entryOf(keyOf(server))
    if (entry) this.#removeEntry(entry)
  }

  /**
   * Records that `host` was chosen for the server and is about to be written.
   * @param expires when `expire` gives the claim up unless it was seen by then, in ms
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

  /** Records that the write of the assumed claim succeeded: sooner or later the cache shows it. */
  confirm(key: ServerKey): void {
    const { pending } = this.#entryOf(key) ?? {}
    if (pending) pending.written = true
  }

  /** The claim that was assumed for the server and that the cache does not show yet. */
  pendingClaimOf(key: ServerKey): { host: string; written: boolean } | undefined {
    return this.#entryOf(key)?.pending
  }

  /** Drops the assumed claim, because its write failed. */
  forget(key: ServerKey): void {
    const entry = this.#entryOf(key)
    if (!entry) return
    this.#dropPending(entry)
    this.#deleteIfEmpty(entry)
  }

  /** Drops the claims that were not seen in time. Returns their servers, for the caller to log. */
  expire(now: number): ServerKey[] {
    const late = [...this.#pending.values()].filter((e) => (e.pending?.expires ?? 0) <= now)
    for (const entry of late) {
      this.#dropPending(entry)
      this.#deleteIfEmpty(entry)
    }
    return late.map((e) => e.key)
  }

  /** Calls the listener with each host whose usage changes, until the returned function is called. */
  onChange(listener: (host: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The resources in use on a host. Every call returns the same live object, so a HostView may keep it. */
  usageOf(host: string): HostUsage {
    return this.#totalsOf(host)
  }

  /** The host that a server is on, or will be on once its pending claim is seen. */
  hostOf(namespace: string, name: string): string | undefined {
    const entry = this.#entries.get(path({ namespace, name }))
    return entry?.pending?.host ?? entry?.seen?.host
  }

  /** How many claims the cache does not show yet. */
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
    // The server was deleted and created again while the watch was interrupted.
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
