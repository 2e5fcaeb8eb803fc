/**
 * Ledger: what each host gives to which servers. It is derived from the Servers in the cache (status.host and the flavor copied
 * beside it, counted until the Server is gone) plus claims that are decided and not yet seen there, so that placements in a row do not
 * overcommit before the watch echoes them. A restarted controller gets the same from the API alone.
 *
 *   assume(server, host)  pending ──observe shows that host──► seen
 *                            └──forget (write failed) or expire (never seen)──► gone
 *   observe(server)       seen, moved, or no longer on a host      remove(server)  gone, both
 */
import type { Resources, Server, TaskState } from '../../crds/index.ts'
import type { Usage } from './host-view.ts'
import { demandOf } from './request.ts'

/** A server by its object; two of one name and different uid are different. */
export interface ServerKey {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface Claim extends Readonly<Resources> {
  readonly host: string
  /** 1 while it is busy with the host's disk. */
  readonly ioOps: 0 | 1
}

interface Entry {
  readonly key: ServerKey
  seen: Claim | undefined
  pending: (Claim & { readonly expires: number; written: boolean }) | undefined
}

type Totals = { -readonly [K in keyof Usage]: Usage[K] }

/** Task states that Nova counts as I/O workload, besides the vm state building. */
const busy: ReadonlySet<TaskState> = new Set([
  'resize_migrating',
  'rebuilding',
  'resize_prep',
  'image_snapshot',
  'image_backup',
  'rescuing',
  'unshelving',
])

/** What the server takes, by its status; undefined: it is on no host. */
export function claimOf({ status }: Server): Claim | undefined {
  if (status?.host === undefined) return undefined
  const { instance, vmState, taskState } = status
  const sizes = instance ? demandOf(instance.flavor, instance.image) : { vcpus: 0, ram: 0, disk: 0 }
  const io = vmState === 'building' || (taskState !== undefined && busy.has(taskState))
  return { host: status.host, ...sizes, ioOps: io ? 1 : 0 }
}

const keyOf = ({ metadata: { namespace = '', name, uid = '' } }: Server): ServerKey => ({ namespace, name, uid })
const path = ({ namespace, name }: Pick<ServerKey, 'namespace' | 'name'>) => `${namespace}/${name}`

/** Every method is O(1), but expire, which is O(pending). */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  readonly #hosts = new Map<string, Totals>()
  /** Entries with a pending claim, in the order in which they were assumed. */
  readonly #pending = new Map<string, Entry>()
  readonly #told = new Set<(host: string) => void>()

  /** The server as the cache has it now: added or changed. */
  observe(server: Server): void {
    const key = keyOf(server)
    const entry = this.#entry(key)
    const claim = claimOf(server)
    this.#count(entry.seen, -1)
    entry.seen = claim
    this.#count(claim, 1)
    if (claim !== undefined && claim.host === entry.pending?.host) this.#drop(entry)
    this.#tidy(entry)
  }

  /** The server is gone from the cache. A later one of the same name is not touched. */
  remove(server: Pick<Server, 'metadata'>): void {
    const key = keyOf(server as Server)
    const entry = this.#entries.get(path(key))
    if (entry?.key.uid === key.uid) this.#clear(entry)
  }

  /** `host` is decided for the server and is about to be written. `expires`: ms; past it, `expire` gives it up. */
  assume(key: ServerKey, host: string, sizes: Resources, expires: number): void {
    const entry = this.#entry(key)
    this.#drop(entry)
    if (entry.seen?.host !== host) {
      entry.pending = { host, vcpus: sizes.vcpus, ram: sizes.ram, disk: sizes.disk, ioOps: 1, expires, written: false }
      this.#count(entry.pending, 1)
      this.#pending.set(path(key), entry)
    }
    this.#tidy(entry)
  }

  /** The write of the assumed claim has succeeded: it is to be seen sooner or later. */
  confirm(key: ServerKey): void {
    const { pending } = this.#mine(key) ?? {}
    if (pending) pending.written = true
  }

  /** The host that was decided and is not seen yet; `written`: and that is in the API server, for certain. */
  decided(key: ServerKey): { host: string; written: boolean } | undefined {
    return this.#mine(key)?.pending
  }

  /** The write of the assumed claim failed. */
  forget(key: ServerKey): void {
    const entry = this.#mine(key)
    if (!entry) return
    this.#drop(entry)
    this.#tidy(entry)
  }

  /** Gives up the claims that were never seen; returns their servers: each is worth a line in the log. */
  expire(now: number): ServerKey[] {
    const late = [...this.#pending.values()].filter((e) => (e.pending?.expires ?? 0) <= now)
    for (const entry of late) {
      this.#drop(entry)
      this.#tidy(entry)
    }
    return late.map((e) => e.key)
  }

  /** Tells of each host whose usage changes, until the returned function is called. */
  onChange(told: (host: string) => void): () => void {
    this.#told.add(told)
    return () => void this.#told.delete(told)
  }

  /** What is used of a host. The same live object at every call: a HostView may keep it. */
  usage(host: string): Usage {
    return this.#totals(host)
  }

  /** The host a server is on or about to be on. */
  hostOf(namespace: string, name: string): string | undefined {
    const entry = this.#entries.get(path({ namespace, name }))
    return entry?.pending?.host ?? entry?.seen?.host
  }

  /** How many claims are not seen in the cache yet. */
  get pending(): number {
    return this.#pending.size
  }

  #mine(key: ServerKey): Entry | undefined {
    const entry = this.#entries.get(path(key))
    return entry?.key.uid === key.uid ? entry : undefined
  }

  #entry(key: ServerKey): Entry {
    const found = this.#entries.get(path(key))
    if (found?.key.uid === key.uid) return found
    // Deleted and created anew while the watch was away.
    if (found) this.#clear(found)
    const entry: Entry = { key, seen: undefined, pending: undefined }
    this.#entries.set(path(key), entry)
    return entry
  }

  #clear(entry: Entry): void {
    this.#count(entry.seen, -1)
    entry.seen = undefined
    this.#drop(entry)
    this.#tidy(entry)
  }

  #drop(entry: Entry): void {
    this.#count(entry.pending, -1)
    entry.pending = undefined
    this.#pending.delete(path(entry.key))
  }

  #tidy(entry: Entry): void {
    if (entry.seen === undefined && entry.pending === undefined) this.#entries.delete(path(entry.key))
  }

  #count(claim: Claim | undefined, sign: 1 | -1): void {
    if (claim === undefined) return
    const totals = this.#totals(claim.host)
    totals.vcpus += sign * claim.vcpus
    totals.ram += sign * claim.ram
    totals.disk += sign * claim.disk
    totals.ioOps += sign * claim.ioOps
    totals.servers += sign
    for (const told of this.#told) told(claim.host)
  }

  #totals(host: string): Totals {
    let totals = this.#hosts.get(host)
    if (totals === undefined) {
      totals = { vcpus: 0, ram: 0, disk: 0, servers: 0, ioOps: 0 }
      this.#hosts.set(host, totals)
    }
    return totals
  }
}
