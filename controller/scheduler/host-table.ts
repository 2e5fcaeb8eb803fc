/**
 * All hosts as columns of numbers, for speed. Each row is one host. The columns are its free capacity, the raw scores
 * of the weighers, and its class (a HostClass: the facts that many hosts share).
 *
 * Measured with 10,000 hosts (2026-11-28, `node test/bench/scheduler.ts`): a placement takes 0.6 ms of CPU time, so
 * 1,700 placements a second are possible. The goal is 1,000. With one object per host instead of columns, a placement
 * takes 5.6 to 8.6 ms. Cached results of the class filters would reduce this to 2.7 to 4.4 ms only.
 */
import { type FreeCapacity, freeCapacity, freeCapacityNames } from './free-capacity.ts'
import { type HostClass, type HostView, hostClassKey, hostClassOf } from './host-view.ts'
import { type WeigherName, weigherNames, weighers } from './weighers.ts'

interface ClassEntry {
  readonly key: string
  readonly id: number
  readonly facts: HostClass
  hosts: number
}

type Columns<N extends string> = Record<N, Float64Array>

function allocateColumns<N extends string>(names: readonly N[], size: number, old?: Columns<N>): Columns<N> {
  const columns = names.map((name) => {
    const column = new Float64Array(size)
    if (old) column.set(old[name])
    return [name, column]
  })
  return Object.fromEntries(columns) as Columns<N>
}

const INITIAL_SIZE = 64

export class HostTable {
  readonly #views: HostView[] = []
  readonly #rows = new Map<string, number>()
  readonly #classes = new Map<string, ClassEntry>()
  /**
   * The classes, indexed by ID. When a class has no hosts any more, its entry becomes undefined, and a new class may
   * get its ID.
   */
  readonly #classesById: (ClassEntry | undefined)[] = []
  /** Hosts whose numbers in the columns must be computed again before they are read. */
  readonly #stale = new Set<string>()
  #classIds = new Uint32Array(INITIAL_SIZE)
  #freeCapacity = allocateColumns(freeCapacityNames, INITIAL_SIZE)
  #scores = allocateColumns(weigherNames, INITIAL_SIZE)
  /** Memory for the rows of the current placement. Placements reuse it, to spare the garbage collector. */
  #scratch = new Uint32Array(INITIAL_SIZE)

  /** The views of the hosts, indexed by row. */
  get views(): readonly HostView[] {
    return this.#views
  }

  get(name: string): HostView | undefined {
    const row = this.#rows.get(name)
    return row === undefined ? undefined : this.#views[row]
  }

  /**
   * Adds a host, or replaces the view of a known host. If only the host's usage has changed, markUsageChanged is
   * enough.
   */
  set(view: HostView): void {
    const row = this.#rows.get(view.name) ?? this.#appendRow(view.name)
    const hostClass = this.#getOrCreateClass(view)
    // Count the host in its new class before it leaves the old one. Otherwise, if both are the same class and the host
    // is the only one in it, the class would be deleted.
    hostClass.hosts += 1
    this.#leaveClass(row)
    // Replace the host's facts by those of its class, so that all hosts of the class share one copy in memory.
    this.#views[row] = { ...view, ...hostClass.facts }
    this.#classIds[row] = hostClass.id
    this.#stale.add(view.name)
  }

  delete(name: string): void {
    const row = this.#rows.get(name)
    if (row === undefined) return
    this.#leaveClass(row)
    this.#rows.delete(name)
    this.#stale.delete(name)
    const last = this.#views.pop()
    if (last === undefined || last.name === name) return
    this.#views[row] = last
    this.#rows.set(last.name, row)
    this.#classIds[row] = this.#classIds[this.#views.length] ?? 0
    this.#stale.add(last.name)
  }

  /**
   * To be called when the usage of a host has changed. The host's view need not be replaced: its member `used` is the
   * very object in which the ledger (ledger.ts) counts the usage.
   */
  markUsageChanged(name: string): void {
    if (this.#rows.has(name)) this.#stale.add(name)
  }

  /** The class ID of each row. This array and all columns are valid until the table changes. */
  get classIds(): Uint32Array {
    return this.#classIds
  }

  /** The facts of each class, indexed by class ID; undefined if no class has the ID. */
  classes(): readonly (HostClass | undefined)[] {
    return this.#classesById.map((entry) => entry?.facts)
  }

  /** The free capacity of one resource on each host, indexed by row. */
  freeCapacity(name: FreeCapacity): Float64Array {
    this.#refresh()
    return this.#freeCapacity[name]
  }

  /** The raw scores of one weigher for each host, indexed by row. */
  scores(name: WeigherName): Float64Array {
    this.#refresh()
    return this.#scores[name]
  }

  /** An array with room for the row numbers of all hosts. The current placement may overwrite it. */
  scratch(): Uint32Array {
    return this.#scratch
  }

  #refresh(): void {
    for (const name of this.#stale) {
      const row = this.#rows.get(name)
      const view = row === undefined ? undefined : this.#views[row]
      if (row === undefined || view === undefined) continue
      for (const resource of freeCapacityNames) this.#freeCapacity[resource][row] = freeCapacity[resource](view)
      for (const weigher of weigherNames) this.#scores[weigher][row] = weighers[weigher].score(view)
    }
    this.#stale.clear()
  }

  #appendRow(name: string): number {
    const row = this.#views.length
    this.#rows.set(name, row)
    if (row === this.#classIds.length) this.#grow(row * 2)
    return row
  }

  #grow(size: number): void {
    const classIds = new Uint32Array(size)
    classIds.set(this.#classIds)
    this.#classIds = classIds
    this.#freeCapacity = allocateColumns(freeCapacityNames, size, this.#freeCapacity)
    this.#scores = allocateColumns(weigherNames, size, this.#scores)
    this.#scratch = new Uint32Array(size)
  }

  #getOrCreateClass(view: HostView): ClassEntry {
    const key = hostClassKey(view)
    const known = this.#classes.get(key)
    if (known) return known
    const free = this.#classesById.indexOf(undefined)
    const id = free === -1 ? this.#classesById.length : free
    const entry: ClassEntry = { key, id, facts: hostClassOf(view), hosts: 0 }
    this.#classes.set(key, entry)
    this.#classesById[id] = entry
    return entry
  }

  /** Removes the row's host from its class. Deletes the class if it has no other host. */
  #leaveClass(row: number): void {
    if (this.#views[row] === undefined) return
    const entry = this.#classesById[this.#classIds[row] ?? 0]
    if (entry === undefined) return
    entry.hosts -= 1
    if (entry.hosts > 0) return
    this.#classes.delete(entry.key)
    this.#classesById[entry.id] = undefined
  }
}

export function toHostTable(views: Iterable<HostView>): HostTable {
  const table = new HostTable()
  for (const view of views) table.set(view)
  return table
}
