// Computes the cases of the kill matrix, and what to run next on a server in a given state. Pure. A case kills one
// process (the fault) at one point of a story. A story is a user's operation on a server. A point is the moment before
// or after one effect of agent or controller: a change of the host, or an API write.
import type { FaultName } from './faults.ts'
import { nameOf, type Point } from './gatekeeper.ts'
import { type State, type StoryName, stories, storyNames } from './stories.ts'

/** A point that a story reaches, and whether the server's QEMU runs at that point. */
export interface ReachedPoint {
  point: Point
  hasQemu: boolean
}

export interface Case {
  story: StoryName
  pointName: string
  fault: FaultName
}

/**
 * Combines every point with every fault that is possible there. No case kills a QEMU that the story freezes, because
 * the story does not survive that: its action ends as interrupted.
 */
export function casesOf(story: StoryName, points: readonly ReachedPoint[], faults: readonly FaultName[]): Case[] {
  return points.flatMap(({ point, hasQemu }) =>
    faults
      .filter((fault) => fault !== 'QEMU' || (hasQemu && !stories[story].freezesQemuMs))
      .map((fault) => ({ story, pointName: nameOf(point), fault })),
  )
}

/**
 * The points that both of two runs of a story without faults reach, in the order of the first run; other points depend
 * on timing. A write that is repeated after a conflict has more points `before` than `after`; the surplus is left out.
 * An effect that goes on in the background is checked after each libvirt event; only its first check is kept.
 */
export function stablePoints(first: readonly ReachedPoint[], second: readonly ReachedPoint[]): ReachedPoint[] {
  const names = new Set(second.map(({ point }) => nameOf(point)))
  const afters = new Set(first.flatMap(({ point }) => (point.when === 'after' ? [nameOf(point)] : [])))
  const succeeded = (point: Point): boolean =>
    point.nth === 1 || (point.isUnderWay === true && point.nth === 2) || afters.has(nameOf({ ...point, when: 'after' }))
  return first.filter(({ point }) => names.has(nameOf(point)) && succeeded(point))
}

/** The points of a story at which the matrix kills processes: all of them, unless the story selects some. */
export const killPointsOf = (story: StoryName, points: readonly ReachedPoint[]): ReachedPoint[] =>
  points.filter(({ point }) => stories[story].killPoints?.test(nameOf(point)) ?? true)

export interface ServerState {
  state: State
  isNew: boolean
  /** Whether the guest boots, and powers off on request. */
  canShutDown: boolean
}

/**
 * `run`: a case that is possible now. `prepare`: a story to run first, because it leads towards the state that a
 * pending case needs.
 */
export type NextStep = { run: Case } | { prepare: StoryName }

/**
 * The next step; undefined if no case is pending. On a server on which only `create` has run, the stories that need
 * such a new server come first, because any other story would make them impossible. Otherwise the story with most
 * pending cases comes next.
 */
export function nextStep(pending: readonly Case[], { state, isNew, canShutDown }: ServerState): NextStep | undefined {
  const possible = storyNames.filter((name) => canShutDown || !stories[name].asksGuest)
  const canRun = (story: StoryName): boolean =>
    possible.includes(story) && stories[story].from === state && (isNew || !stories[story].needsNewServer)
  const priority = (story: StoryName): number =>
    pending.filter((c) => c.story === story).length + (stories[story].needsNewServer ? pending.length : 0)
  const [best] = pending.filter(({ story }) => canRun(story)).toSorted((a, b) => priority(b.story) - priority(a.story))
  if (best) return { run: best }
  const prepare = pending.length === 0 ? undefined : firstStoryTowards(state, pending, possible)
  return prepare && { prepare }
}

/**
 * The first story on the shortest way from a state to the state that a pending case needs; undefined if there is no
 * way. A case that needs a new server needs the state `absent`, because `create` follows from there.
 */
function firstStoryTowards(
  from: State,
  pending: readonly Case[],
  possible: readonly StoryName[],
): StoryName | undefined {
  const targets = new Set(pending.map(({ story }) => (stories[story].needsNewServer ? 'absent' : stories[story].from)))
  const seen = new Set<State>([from])
  let paths: { state: State; first: StoryName }[] = possible
    .filter((name) => stories[name].from === from && stories[name].to !== from)
    .map((first) => ({ state: stories[first].to, first }))
  while (paths.length > 0) {
    const found = paths.find(({ state }) => targets.has(state))
    if (found) return found.first
    paths = paths.flatMap(({ state, first }) => {
      if (seen.has(state)) return []
      seen.add(state)
      return possible.filter((n) => stories[n].from === state).map((n) => ({ state: stories[n].to, first }))
    })
  }
  return undefined
}
