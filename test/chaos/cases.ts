// The cases of the kill matrix, and the next step for a server in some state: pure.
import type { FaultName } from './faults.ts'
import { nameOf, type Point } from './gatekeeper.ts'
import { type State, type StoryName, stories, storyNames } from './stories.ts'

/** A point that a story reaches, and whether the server's QEMU ran then. */
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
 * Combines every point with every fault that is possible there. The end of a QEMU that is frozen is no fault that the
 * story survives: its action ends as interrupted.
 */
export function casesOf(story: StoryName, points: readonly ReachedPoint[], faults: readonly FaultName[]): Case[] {
  return points.flatMap(({ point, hasQemu }) =>
    faults
      .filter((fault) => fault !== 'QEMU' || (hasQemu && !stories[story].freezesQemuMs))
      .map((fault) => ({ story, pointName: nameOf(point), fault })),
  )
}

/**
 * The points that two runs without faults have in common, in the order of the first: a point that is reached by chance
 * is left out. So is a repeated write after a conflict, which shows in more points `before` than `after`. An effect
 * that is under way is checked after each of libvirt's events: only its first check is kept.
 */
export function stablePoints(first: readonly ReachedPoint[], second: readonly ReachedPoint[]): ReachedPoint[] {
  const names = new Set(second.map(({ point }) => nameOf(point)))
  const afters = new Set(first.flatMap(({ point }) => (point.when === 'after' ? [nameOf(point)] : [])))
  const succeeded = (point: Point): boolean =>
    point.nth === 1 || (point.isUnderWay === true && point.nth === 2) || afters.has(nameOf({ ...point, when: 'after' }))
  return first.filter(({ point }) => names.has(nameOf(point)) && succeeded(point))
}

/** The points of a story at which processes are killed. */
export const killPointsOf = (story: StoryName, points: readonly ReachedPoint[]): ReachedPoint[] =>
  points.filter(({ point }) => stories[story].killPoints?.test(nameOf(point)) ?? true)

export interface ServerState {
  state: State
  isNew: boolean
  /** The guest boots, and powers off when it is asked to. */
  canShutDown: boolean
}

/** `run`: a case that is possible now. `prepare`: a story that leads towards a case. */
export type NextStep = { run: Case } | { prepare: StoryName }

/**
 * The next step; undefined if no case is pending. A new server runs the stories that need a new server first, because
 * they are possible only then; otherwise the story with most pending cases comes next.
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
 * The first story on the shortest way to a state from which a pending case can run. A case that needs a new server is
 * reached by way of `absent`.
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
