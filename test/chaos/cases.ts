// The cases of a matrix, and which comes next on a server that is in some state: pure.
import type { FaultName } from './faults.ts'
import { nameOf, type Point } from './gatekeeper.ts'
import { type State, type StoryName, stories, storyNames } from './stories.ts'

/** A point that a story passes, and whether the server's QEMU ran there. */
export interface Passed {
  point: Point
  qemu: boolean
}

export interface Case {
  story: StoryName
  /** Name of the point. */
  at: string
  fault: FaultName
}

/** Every point with every fault that can be made there. */
export function casesOf(story: StoryName, passed: readonly Passed[], faults: readonly FaultName[]): Case[] {
  return passed.flatMap(({ point, qemu }) =>
    faults.flatMap((fault) => (fault === 'QEMU' && !qemu ? [] : [{ story, at: nameOf(point), fault }])),
  )
}

/**
 * Points that two rehearsals have in common, in the order of the first: what depends on chance is not waited for. Nor is a write that was made once
 * more since another came between: of these there are more before than after.
 */
export function steady(first: readonly Passed[], second: readonly Passed[]): Passed[] {
  const names = new Set(second.map(({ point }) => nameOf(point)))
  const afters = new Set(first.flatMap(({ point }) => (point.when === 'after' ? [nameOf(point)] : [])))
  const isDone = (point: Point): boolean => point.nth === 1 || afters.has(nameOf({ ...point, when: 'after' }))
  return first.filter(({ point }) => names.has(nameOf(point)) && isDone(point))
}

export interface Actor {
  state: State
  fresh: boolean
  /** Its guest boots, and powers off when asked. */
  hears: boolean
}

/** A story to tell now, for the sake of a case or on the way to one. */
export type Move = { play: Case } | { go: StoryName }

/**
 * What to do next; undefined: there is nothing left. A server that has just been made is deleted first where that is to be tried, since only
 * then it may be; else the story that has the most cases left comes next.
 */
export function nextMove(left: readonly Case[], { state, fresh, hears }: Actor): Move | undefined {
  const able = storyNames.filter((name) => hears || !stories[name].asksGuest)
  const may = (story: StoryName): boolean =>
    able.includes(story) && stories[story].from === state && (fresh || !stories[story].fresh)
  const count = (story: StoryName): number =>
    left.filter((c) => c.story === story).length + (stories[story].fresh ? left.length : 0)
  const [best] = left.filter(({ story }) => may(story)).toSorted((a, b) => count(b.story) - count(a.story))
  if (best) return { play: best }
  const go = left.length === 0 ? undefined : way(state, left, able)
  return go && { go }
}

/** The first story on the shortest way to a state where a case can be told; one that wants a new server is reached by way of `absent`. */
function way(from: State, left: readonly Case[], able: readonly StoryName[]): StoryName | undefined {
  const wanted = new Set(left.map(({ story }) => (stories[story].fresh ? 'absent' : stories[story].from)))
  const seen = new Set<State>([from])
  let paths: { state: State; first: StoryName }[] = able
    .filter((name) => stories[name].from === from && stories[name].to !== from)
    .map((first) => ({ state: stories[first].to, first }))
  while (paths.length > 0) {
    const found = paths.find(({ state }) => wanted.has(state))
    if (found) return found.first
    paths = paths.flatMap(({ state, first }) => {
      if (seen.has(state)) return []
      seen.add(state)
      return able.filter((n) => stories[n].from === state).map((n) => ({ state: stories[n].to, first }))
    })
  }
  return undefined
}
