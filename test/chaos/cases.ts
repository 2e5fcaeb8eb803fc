// Computes the cases of the kill matrix, and which to run next. A story is one operation of a user on a server. A point
// is the moment before or after one effect (a change of the host, or an API write) of agent or controller. A case kills
// one process (the fault) at one point of a story.
import type { FaultName } from './faults.ts'
import { nameOf, type Point } from './gatekeeper.ts'
import { type State, type StoryName, stories, storyNames } from './stories.ts'

/**
 * A moment before or after one effect of agent or controller. `hasQemu`: the server had a running QEMU at that moment.
 */
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
 * Combines every point of an operation with every process to kill there. QEMU is killed only if it runs, and not if the
 * operation freezes QEMU: the action would fail with the reason Interrupted.
 */
export function casesOf(story: StoryName, points: readonly ReachedPoint[], faults: readonly FaultName[]): Case[] {
  return points.flatMap(({ point, hasQemu }) =>
    faults
      .filter((fault) => fault !== 'QEMU' || (hasQemu && !stories[story].freezesQemuMs))
      .map((fault) => ({ story, pointName: nameOf(point), fault })),
  )
}

/**
 * The points (moments before or after an effect) that an operation reached in both runs, in the order of the first run.
 * Leaves out points that the next run may not have:
 * - a write that was repeated after a conflict: a `before` without an `after` of the same number
 * - checks of an effect that goes on in the background, except the first
 */
export function stablePoints(first: readonly ReachedPoint[], second: readonly ReachedPoint[]): ReachedPoint[] {
  const names = new Set(second.map(({ point }) => nameOf(point)))
  const afters = new Set(first.flatMap(({ point }) => (point.when === 'after' ? [nameOf(point)] : [])))
  const succeeded = (point: Point): boolean =>
    point.nth === 1 || (point.isUnderWay === true && point.nth === 2) || afters.has(nameOf({ ...point, when: 'after' }))
  return first.filter(({ point }) => names.has(nameOf(point)) && succeeded(point) && !isLaterCheck(point))
}

/**
 * A step that waits for the guest repeats its call at each check, and the number of checks depends on the timing of
 * libvirt's events.
 */
const isLaterCheck = ({ step, nth }: Point): boolean => step.includes('.') && nth > 2

/** The moments at which processes are killed: all points of the operation, unless it sets `killPoints`. */
export const killPointsOf = (story: StoryName, points: readonly ReachedPoint[]): ReachedPoint[] =>
  points.filter(({ point }) => stories[story].killPoints?.test(nameOf(point)) ?? true)

export interface ServerState {
  state: State
  isNew: boolean
}

/** `prepare`: an operation that brings the server closer to the state in which a pending case starts. */
export type NextStep = { run: Case } | { prepare: StoryName }

/**
 * Undefined if no case is pending. On a new server, operations that need one come first, because any other operation
 * would use the new server up. Otherwise the operation with the most pending cases comes first.
 */
export function nextStep(pending: readonly Case[], { state, isNew }: ServerState): NextStep | undefined {
  const canRun = (story: StoryName): boolean =>
    stories[story].from === state && (isNew || !stories[story].needsNewServer)
  const priority = (story: StoryName): number =>
    pending.filter((c) => c.story === story).length + (stories[story].needsNewServer ? pending.length : 0)
  const [best] = pending.filter(({ story }) => canRun(story)).toSorted((a, b) => priority(b.story) - priority(a.story))
  if (best) return { run: best }
  const prepare = pending.length === 0 ? undefined : firstStoryTowards(state, pending)
  return prepare && { prepare }
}

/**
 * The first operation on the shortest way from `from` to a state in which a pending case starts; undefined if there is
 * no way. Cases that need a new server start from `absent`, from which `create` makes one.
 */
function firstStoryTowards(from: State, pending: readonly Case[]): StoryName | undefined {
  const targets = new Set(pending.map(({ story }) => (stories[story].needsNewServer ? 'absent' : stories[story].from)))
  const seen = new Set<State>([from])
  let paths: { state: State; first: StoryName }[] = storyNames
    .filter((name) => stories[name].from === from && stories[name].to !== from)
    .map((first) => ({ state: stories[first].to, first }))
  while (paths.length > 0) {
    const found = paths.find(({ state }) => targets.has(state))
    if (found) return found.first
    paths = paths.flatMap(({ state, first }) => {
      if (seen.has(state)) return []
      seen.add(state)
      return storyNames.filter((n) => stories[n].from === state).map((n) => ({ state: stories[n].to, first }))
    })
  }
  return undefined
}
