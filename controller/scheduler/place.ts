/**
 * place: which host takes a server. Filters say which can, weighers which is best; then the best, and the next best as alternates.
 * Pure: the same request, hosts (in any order) and options give the same placement.
 */
import { explain, type Rejection } from './explain.ts'
import type { HostTest, PreparedFilter } from './filter.ts'
import { filterNames, filters } from './filters.ts'
import type { HostView } from './host-view.ts'
import { type SchedulerOptions, schedulerDefaults } from './options.ts'
import type { PlacementRequest } from './request.ts'
import { weigh } from './weigher.ts'
import { weigherNames, weighers } from './weighers.ts'

export interface Placed {
  readonly none: false
  readonly host: string
  /** The next best, at most maxAttempts - 1. */
  readonly alternates: readonly string[]
  /** How many hosts could take it. */
  readonly candidates: number
}

export interface NotPlaced {
  readonly none: true
  /** One sentence for the user. */
  readonly message: string
  /** The reasons of single hosts, by name; at most `explain`'s limit. */
  readonly rejections: readonly Rejection[]
}

export type Placement = Placed | NotPlaced

/** The tests that a request needs, in the order in which they run. */
export function prepare(request: PlacementRequest, options: SchedulerOptions): PreparedFilter[] {
  const enabled = new Set<string>(options.filters)
  return filterNames.flatMap((name) => {
    const test = enabled.has(name) ? filters[name].prepare(request) : undefined
    return test ? [{ filter: filters[name], test }] : []
  })
}

/** Where `request` goes. `hosts` is read only while this runs. */
export function place(
  request: PlacementRequest,
  hosts: readonly HostView[],
  options: SchedulerOptions = schedulerDefaults,
): Placement {
  const prepared = prepare(request, options)
  const tests = prepared.map((p) => p.test)
  const candidates = hosts.filter((host) => passesAll(tests, host))
  if (candidates.length === 0) return { none: true, ...explain(prepared, hosts) }
  const weights = weigh(
    weigherNames.map((name) => ({ weigher: weighers[name], multiplier: options.multipliers[name] })),
    candidates,
  )
  const [host = '', ...alternates] = best(
    candidates,
    weights,
    Math.max(1, options.maxAttempts),
    tieOrder(request, options),
  )
  return { none: false, host, alternates, candidates: candidates.length }
}

function passesAll(tests: readonly HostTest[], host: HostView): boolean {
  for (const test of tests) if (!test.passes(host)) return false
  return true
}

type Order = (a: string, b: string) => boolean

/** Whether a comes before b where both weigh the same. */
function tieOrder(request: PlacementRequest, { shuffleSeed }: SchedulerOptions): Order {
  if (shuffleSeed === undefined) return (a, b) => a < b
  const seed = hash(request.server.uid, hash(shuffleSeed, FNV_OFFSET))
  return (a, b) => {
    const [x, y] = [hash(a, seed), hash(b, seed)]
    return x === y ? a < b : x < y
  }
}

/** The names of the `count` best, best first: one pass, since count is small. */
function best(hosts: readonly HostView[], weights: Float64Array, count: number, before: Order): string[] {
  const name = (i: number) => hosts[i]?.name ?? ''
  const ahead = (i: number, j: number) => {
    const [x = 0, y = 0] = [weights[i], weights[j]]
    return x > y || (x === y && before(name(i), name(j)))
  }
  const top: number[] = []
  for (let i = 0; i < hosts.length; i++) {
    let at = top.length
    while (at > 0 && ahead(i, top[at - 1] ?? 0)) at--
    if (at < count) top.splice(at, 0, i)
    if (top.length > count) top.pop()
  }
  return top.map(name)
}

const FNV_OFFSET = 0x811c9dc5

/** FNV-1a of 32 bits over UTF-16 units, with a last mix so that near names fall far apart. */
function hash(text: string, seed: number): number {
  let h = seed
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  return (h ^ (h >>> 13)) >>> 0
}
