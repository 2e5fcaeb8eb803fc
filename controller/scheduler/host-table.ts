/**
 * All hosts as columns of numbers, for speed; each row is one host.
 *
 * Measured with 10,000 hosts (2026-11-28, `node test/bench/scheduler.ts`): a placement takes 0.6 ms of CPU time, but
 * 5.6 to 8.6 ms with one object per host instead of columns. The goal is 1,000 placements a second.
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
   * The classes by ID. When the last host leaves a class, the entry becomes undefined, and a new class may get the ID.
   */
  readonly #classesById: (ClassEntry | undefined)[] = []
  /** Hosts whose columns must be computed again before they are read. */
  readonly #stale = new Set<string>()
  #classIds = new Uint32Array(INITIAL_SIZE)
  #freeCapacity = allocateColumns(freeCapacityNames, INITIAL_SIZE)
  #scores = allocateColumns(weigherNames, INITIAL_SIZE)
  /** Placements reuse this memory, to spare the garbage collector. */
  #scratch = new Uint32Array(INITIAL_SIZE)

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
    // If the host's new class is the old one, and no other host is in it, leaving first would delete the class.
    hostClass.hosts += 1
    this.#leaveClass(row)
    // All hosts of a class share one copy of its facts, to save memory.
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
   * The view of the host need not be replaced when its usage changes, because the ledger (ledger.ts) changes the view's
   * `used` in place.
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
