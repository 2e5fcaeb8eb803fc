// The keys that may run now, in the order they should: by priority, then group after group, then first come first served.

export type Priority = 'high' | 'normal' | 'low'
const ORDER: readonly Priority[] = ['high', 'normal', 'low']

/** After this many takes in a row from above, a lower priority that has waited gets one: nothing starves. */
const PATIENCE = 10

interface Ready {
  key: string
  priority: Priority
  since: number
}

/** Every operation is O(1): groups and keys are Maps, whose order of insertion is the order of turns. */
export class ReadyList {
  readonly #group: (key: string) => string
  readonly #levels: Record<Priority, Map<string, Map<string, Ready>>> = {
    high: new Map(),
    normal: new Map(),
    low: new Map(),
  }
  readonly #where = new Map<string, Ready>()
  /** Takes in a row that passed over a waiting lower priority. */
  readonly #passedOver: Record<Priority, number> = { high: 0, normal: 0, low: 0 }

  constructor(group: (key: string) => string) {
    this.#group = group
  }

  get size(): number {
    return this.#where.size
  }

  has(key: string): boolean {
    return this.#where.has(key)
  }

  /** A key that is here already can only rise; it keeps the time it came. */
  add(key: string, priority: Priority, now: number): void {
    const known = this.#where.get(key)
    if (known) {
      if (ORDER.indexOf(known.priority) <= ORDER.indexOf(priority)) return
      this.#remove(known)
    }
    const ready: Ready = { key, priority, since: known?.since ?? now }
    const level = this.#levels[priority]
    const group = this.#group(key)
    const keys = level.get(group)
    if (keys) keys.set(key, ready)
    else level.set(group, new Map([[key, ready]]))
    this.#where.set(key, ready)
  }

  take(): Ready | undefined {
    const priority = this.#choose()
    if (!priority) return undefined
    const level = this.#levels[priority]
    const [group, keys] = first(level) ?? ['', new Map<string, Ready>()]
    const [, ready] = first(keys) ?? []
    if (!ready) return undefined
    this.#remove(ready)
    if (keys.size > 0) {
      level.delete(group) // to the end: the other groups come first
      level.set(group, keys)
    }
    return ready
  }

  clear(): void {
    for (const priority of ORDER) this.#levels[priority].clear()
    this.#where.clear()
  }

  #choose(): Priority | undefined {
    const waiting = ORDER.filter((priority) => this.#levels[priority].size > 0)
    const chosen = waiting.find((priority) => this.#passedOver[priority] >= PATIENCE) ?? waiting[0]
    for (const priority of ORDER) {
      const passed = priority !== chosen && waiting.includes(priority)
      this.#passedOver[priority] = passed ? this.#passedOver[priority] + 1 : 0
    }
    return chosen
  }

  #remove(ready: Ready): void {
    const level = this.#levels[ready.priority]
    const group = this.#group(ready.key)
    const keys = level.get(group)
    keys?.delete(ready.key)
    if (keys?.size === 0) level.delete(group)
    this.#where.delete(ready.key)
  }
}

function first<K, V>(map: Map<K, V>): [K, V] | undefined {
  for (const entry of map) return entry
  return undefined
}
