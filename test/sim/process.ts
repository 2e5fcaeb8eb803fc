/** A process of the simulation: its clock, its lanes, and how it ends. What it awaits when it is killed never comes. */
import { Lane, type Lanes } from './lanes.ts'
import type { Random } from './random.ts'
import { type Owner, ProcessClock, type Time } from './time.ts'

/** What all processes share. */
export interface Ground {
  time: Time
  lanes: Lanes
  random: Random
  /** How often a new lane gets its turn: the schedule's habit. */
  weigh(lane: string): number
}

export class Process implements Owner {
  readonly name: string
  /** Of which life it is: no two have the same. */
  readonly identity: string
  readonly ground: Ground
  readonly clock: ProcessClock
  /** Requests that it has sent; they arrive even when it is dead. */
  readonly out: Lane
  readonly stop = new AbortController()
  readonly #inbound = new Set<Lane>()
  readonly #answers: Lane
  readonly #atEnd = new Set<() => void>()
  #state: 'alive' | 'frozen' | 'dead' = 'alive'

  constructor(name: string, life: number, ground: Ground) {
    this.name = name
    this.identity = `${name}-${life}`
    this.ground = ground
    this.clock = new ProcessClock(ground.time, this)
    this.out = ground.lanes.add(this.#lane('out', false))
    this.#answers = this.inbound('in', false)
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen'
  }

  get answers(): Lane {
    return this.#answers
  }

  /** A way on which something comes to it. */
  inbound(what: string, ordered: boolean): Lane {
    const lane = this.ground.lanes.add(this.#lane(what, ordered))
    lane.isBlocked = this.isFrozen
    this.#inbound.add(lane)
    return lane
  }

  close(lane: Lane): void {
    this.#inbound.delete(lane)
    this.ground.lanes.remove(lane)
  }

  /** Called once when it dies. Answers how to leave. */
  atEnd(fn: () => void): () => void {
    this.#atEnd.add(fn)
    return () => void this.#atEnd.delete(fn)
  }

  /** What it has sent and what comes to it. */
  *underWay(): Generator<{ label: string }> {
    yield* this.out.waiting
    for (const lane of this.#inbound) yield* lane.waiting
  }

  /** kill -9: what it has sent is on its way; nothing else of it is left. */
  kill(): void {
    if (this.isDead) return
    this.#state = 'dead'
    for (const lane of this.#inbound) this.ground.lanes.remove(lane)
    this.#inbound.clear()
    for (const fn of this.#atEnd) fn()
    this.#atEnd.clear()
  }

  /** It gets no CPU: nothing comes in, no timer fires. */
  freeze(): void {
    if (this.#state === 'alive') this.#set('frozen')
  }

  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#set('alive')
    this.ground.time.thawed()
  }

  #set(state: 'alive' | 'frozen'): void {
    this.#state = state
    for (const lane of this.#inbound) lane.isBlocked = this.isFrozen
  }

  #lane(what: string, ordered: boolean): Lane {
    const name = `${this.name} ${what}`
    return new Lane({ name, ordered, weight: this.ground.weigh(name) })
  }
}
