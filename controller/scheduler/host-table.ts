/**
 * All hosts, in columns: of each what room it has, what each weigher says of it, and which kind of host it is. A placement then runs through a
 * few arrays of numbers. What changes of a host is told by `set` or `changed`; every figure comes from the same functions as for a single view.
 */
import { type HostKind, type HostView, kindKey, kindOf } from './host-view.ts'
import { type Room, roomNames, rooms } from './room.ts'
import { type WeigherName, weigherNames, weighers } from './weighers.ts'

interface Kind {
  readonly key: string
  readonly id: number
  /** A host of this kind: good for whatever looks at nothing else. */
  readonly facts: HostKind
  hosts: number
}

type Columns<N extends string> = Record<N, Float64Array>

const columns = <N extends string>(names: readonly N[], size: number, old?: Columns<N>): Columns<N> =>
  Object.fromEntries(
    names.map((name) => {
      const column = new Float64Array(size)
      if (old) column.set(old[name])
      return [name, column]
    }),
  ) as Columns<N>

const FIRST_SIZE = 64

export class HostTable {
  readonly #views: HostView[] = []
  readonly #rows = new Map<string, number>()
  readonly #kinds = new Map<string, Kind>()
  /** By id; ids of kinds that are gone are given again. */
  readonly #byId: (Kind | undefined)[] = []
  readonly #stale = new Set<string>()
  #kindOf = new Uint32Array(FIRST_SIZE)
  #room = columns(roomNames, FIRST_SIZE)
  #raw = columns(weigherNames, FIRST_SIZE)
  /** Memory for a placement, so that none makes garbage: nothing in it lasts. */
  #chosen = new Uint32Array(FIRST_SIZE)

  /** One view for each row. */
  get views(): readonly HostView[] {
    return this.#views
  }

  get(name: string): HostView | undefined {
    const row = this.#rows.get(name)
    return row === undefined ? undefined : this.#views[row]
  }

  /** A host that is new, or of which more than its load has changed. */
  set(view: HostView): void {
    const row = this.#rows.get(view.name) ?? this.#append(view.name)
    const kind = this.#kind(view)
    // First one more, then one less: its kind may be what it was, with no other host of it.
    kind.hosts += 1
    this.#leave(row)
    // What hosts of a kind have in common is there once.
    this.#views[row] = { ...view, ...kind.facts }
    this.#kindOf[row] = kind.id
    this.#stale.add(view.name)
  }

  delete(name: string): void {
    const row = this.#rows.get(name)
    if (row === undefined) return
    this.#leave(row)
    this.#rows.delete(name)
    this.#stale.delete(name)
    const last = this.#views.pop()
    if (last === undefined || last.name === name) return
    this.#views[row] = last
    this.#rows.set(last.name, row)
    this.#kindOf[row] = this.#kindOf[this.#views.length] ?? 0
    this.#stale.add(last.name)
  }

  /** The load of a host has changed: its view's `used` says how. */
  changed(name: string): void {
    if (this.#rows.has(name)) this.#stale.add(name)
  }

  /** By row: the id of its kind. Valid until the next change of the table, as are all columns. */
  get kindOf(): Uint32Array {
    return this.#kindOf
  }

  /** By id; undefined: there is no such kind any more. */
  kinds(): readonly (HostKind | undefined)[] {
    return this.#byId.map((kind) => kind?.facts)
  }

  /** By row: how much room there is. */
  room(name: Room): Float64Array {
    this.#refresh()
    return this.#room[name]
  }

  /** By row: what the weigher says. */
  raw(name: WeigherName): Float64Array {
    this.#refresh()
    return this.#raw[name]
  }

  /** Rows, as many as there are hosts: to be written in and read by one placement. */
  scratch(): Uint32Array {
    return this.#chosen
  }

  #refresh(): void {
    for (const name of this.#stale) {
      const row = this.#rows.get(name)
      const view = row === undefined ? undefined : this.#views[row]
      if (row === undefined || view === undefined) continue
      for (const room of roomNames) this.#room[room][row] = rooms[room](view)
      for (const weigher of weigherNames) this.#raw[weigher][row] = weighers[weigher].raw(view)
    }
    this.#stale.clear()
  }

  #append(name: string): number {
    const row = this.#views.length
    this.#rows.set(name, row)
    if (row === this.#kindOf.length) this.#grow(row * 2)
    return row
  }

  #grow(size: number): void {
    const kindOf = new Uint32Array(size)
    kindOf.set(this.#kindOf)
    this.#kindOf = kindOf
    this.#room = columns(roomNames, size, this.#room)
    this.#raw = columns(weigherNames, size, this.#raw)
    this.#chosen = new Uint32Array(size)
  }

  #kind(view: HostView): Kind {
    const key = kindKey(view)
    const known = this.#kinds.get(key)
    if (known) return known
    const free = this.#byId.indexOf(undefined)
    const kind: Kind = { key, id: free === -1 ? this.#byId.length : free, facts: kindOf(view), hosts: 0 }
    this.#kinds.set(key, kind)
    this.#byId[kind.id] = kind
    return kind
  }

  /** The host of this row is of no kind any more. */
  #leave(row: number): void {
    if (this.#views[row] === undefined) return
    const kind = this.#byId[this.#kindOf[row] ?? 0]
    if (kind === undefined) return
    kind.hosts -= 1
    if (kind.hosts > 0) return
    this.#kinds.delete(kind.key)
    this.#byId[kind.id] = undefined
  }
}

export function tableOf(views: Iterable<HostView>): HostTable {
  const table = new HostTable()
  for (const view of views) table.set(view)
  return table
}
