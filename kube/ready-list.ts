// The keys that are ready, in the order in which they are taken: by priority, then groups (namespaces) take turns, then
// the oldest key first.

export type Priority = 'high' | 'normal' | 'low'
const ORDER: readonly Priority[] = ['high', 'normal', 'low']

/** So that no key starves: a priority whose keys wait gets its turn after this many keys of other priorities. */
const MAX_PASSED_OVER = 10

interface ReadyKey {
  key: string
  priority: Priority
  since: number
}

/** All operations take constant time. */
export class ReadyList {
  readonly #groupOf: (key: string) => string
  readonly #levels: Record<Priority, Map<string, Map<string, ReadyKey>>> = {
    high: new Map(),
    normal: new Map(),
    low: new Map(),
  }
  readonly #byKey = new Map<string, ReadyKey>()
  /** For each priority: how many keys of other priorities were taken in a row while its own keys waited. */
  readonly #passedOver: Record<Priority, number> = { high: 0, normal: 0, low: 0 }

  constructor(groupOf: (key: string) => string) {
    this.#groupOf = groupOf
  }

  get size(): number {
    return this.#byKey.size
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  /** A key that is ready already keeps its age, and the higher of the two priorities. */
  add(key: string, priority: Priority, now: number): void {
    const known = this.#byKey.get(key)
    if (known) {
      if (ORDER.indexOf(known.priority) <= ORDER.indexOf(priority)) return
      this.#remove(known)
    }
    const ready: ReadyKey = { key, priority, since: known?.since ?? now }
    const level = this.#levels[priority]
    const group = this.#groupOf(key)
    const keys = level.get(group)
    if (keys) keys.set(key, ready)
    else level.set(group, new Map([[key, ready]]))
    this.#byKey.set(key, ready)
  }

  take(): ReadyKey | undefined {
    const priority = this.#choosePriority()
    if (!priority) return undefined
    const level = this.#levels[priority]
    const [group, keys] = firstEntry(level) ?? ['', new Map<string, ReadyKey>()]
    const [, ready] = firstEntry(keys) ?? []
    if (!ready) return undefined
    this.#remove(ready)
    if (keys.size > 0) {
      level.delete(group) // moves the group behind the other groups
      level.set(group, keys)
    }
    return ready
  }

  clear(): void {
    for (const priority of ORDER) this.#levels[priority].clear()
    this.#byKey.clear()
  }

  #choosePriority(): Priority | undefined {
    const waiting = ORDER.filter((priority) => this.#levels[priority].size > 0)
    const chosen = waiting.find((priority) => this.#passedOver[priority] >= MAX_PASSED_OVER) ?? waiting[0]
    for (const priority of ORDER) {
      const isPassedOver = priority !== chosen && waiting.includes(priority)
      this.#passedOver[priority] = isPassedOver ? this.#passedOver[priority] + 1 : 0
    }
    return chosen
  }

  #remove(ready: ReadyKey): void {
    const level = this.#levels[ready.priority]
    const group = this.#groupOf(ready.key)
    const keys = level.get(group)
    keys?.delete(ready.key)
    if (keys?.size === 0) level.delete(group)
    this.#byKey.delete(ready.key)
  }
}

function firstEntry<K, V>(map: Map<K, V>): [K, V] | undefined {
  for (const entry of map) return entry
  return undefined
}
