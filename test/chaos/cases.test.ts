import { expect, it } from 'vitest'
import {
  type Case,
  casesOf,
  killPointsOf,
  nextStep,
  type ReachedPoint,
  type ServerState,
  stablePoints,
} from './cases.ts'
import { faultNames } from './faults.ts'
import { NOT_REACHED } from './matrix.ts'
import { createRandom, nextRound, summarizeRounds } from './random.ts'
import { mergeRuns } from './result-store.ts'
import { type StoryName, stories, storyNames } from './stories.ts'

const makeReachedPoint = (step: string, hasQemu = true): ReachedPoint => ({
  point: { part: 'agent', server: 'default/vm', step, when: 'before', nth: 1 },
  hasQemu,
})

it('casesOf has no case that kills QEMU at a point without QEMU', () => {
  const cases = casesOf('create', [makeReachedPoint('define', false), makeReachedPoint('start')], faultNames)
  expect(cases).toHaveLength(2 * faultNames.length - 1)
  expect(cases.filter(({ fault }) => fault === 'QEMU').map(({ pointName }) => pointName)).toEqual([
    'agent: before start',
  ])
})

it('casesOf has no case that kills the QEMU of a story that freezes it', () => {
  const cases = casesOf('suspend slowly', [makeReachedPoint('domains.save')], faultNames)
  expect(cases.map(({ fault }) => fault)).toEqual(['agent', 'controller', 'libvirtd', 'kube-apiserver', 'etcd'])
})

it('stablePoints leaves out points that only one of two runs has reached', () => {
  const twice = { ...makeReachedPoint('define'), point: { ...makeReachedPoint('define').point, nth: 2 } }
  expect(
    stablePoints(
      [makeReachedPoint('define'), twice, makeReachedPoint('start')],
      [makeReachedPoint('start'), makeReachedPoint('define')],
    ),
  ).toEqual([makeReachedPoint('define'), makeReachedPoint('start')])
})

it('stablePoints leaves out the third check of a step that waits for the guest, not the third write', () => {
  const nth = (step: string, n: number): ReachedPoint => ({
    ...makeReachedPoint(step),
    point: { ...makeReachedPoint(step).point, when: 'after', nth: n },
  })
  const points = [1, 2, 3].flatMap((n) => [nth('domains.unpause', n), nth('delete Port', n)])
  expect(stablePoints(points, points)).toEqual([
    nth('domains.unpause', 1),
    nth('delete Port', 1),
    nth('domains.unpause', 2),
    nth('delete Port', 2),
    nth('delete Port', 3),
  ])
})

it('killPointsOf selects the points between two reconciles of a step when the story names them', () => {
  const point = (step: string, nth = 1): ReachedPoint => ({
    ...makeReachedPoint(step),
    point: { ...makeReachedPoint(step).point, nth },
  })
  const points = [
    point('Server suspending'),
    point('domains.save'),
    point('create ServerAction'),
    point('domains.save', 2),
    point('Server suspended'),
  ]
  expect(killPointsOf('suspend', points)).toEqual(points)
  expect(killPointsOf('suspend slowly', points)).toEqual([point('create ServerAction'), point('domains.save', 2)])
})

it('stablePoints counts a write that was repeated after a conflict as one write', () => {
  const point = (when: 'before' | 'after', nth: number): ReachedPoint => {
    const { point, hasQemu } = makeReachedPoint('Server deleting')
    return { point: { ...point, when, nth }, hasQemu }
  }
  const refused = [point('before', 1), point('before', 2), point('after', 1)]
  expect(stablePoints(refused, refused)).toEqual([point('before', 1), point('after', 1)])
  const twice = [...refused, point('after', 2)]
  expect(stablePoints(twice, twice)).toEqual(twice)
})

it.each<[string, readonly StoryName[]]>([
  ['all stories', storyNames],
  ...storyNames.map((name): [string, StoryName[]] => [name, [name]]),
])('nextStep runs each case in the state from which it is possible: %s', (_, names) => {
  const pending: Case[] = names.flatMap((story) =>
    casesOf(story, [makeReachedPoint('x'), makeReachedPoint('y')], faultNames),
  )
  const all = new Set(pending)
  let server: ServerState = { state: 'absent', isNew: false }
  let steps = 0
  for (let step = nextStep(pending, server); step; step = nextStep(pending, server)) {
    const name = 'prepare' in step ? step.prepare : step.run.story
    expect(stories[name].from).toBe(server.state)
    if ('run' in step) {
      if (stories[name].needsNewServer) expect(server.isNew).toBe(true)
      pending.splice(pending.indexOf(step.run), 1)
      all.delete(step.run)
    }
    server = { state: stories[name].to, isNew: name === 'create' }
    // A server has six states, and a shortest way visits none of them twice, so each case needs at most six steps.
    expect(++steps).toBeLessThan(names.length * 2 * faultNames.length * 6)
  }
  expect(all.size).toBe(0)
})

it('nextRound chooses the same rounds for the same seed, and others for another seed', () => {
  const roundsOf = (seed: number): string => {
    const random = createRandom(seed)
    return JSON.stringify(
      Array.from({ length: 5 }, () => nextRound(random, () => 'Running')).map((round) => [
        [...round.stories],
        round.faults,
      ]),
    )
  }
  expect(roundsOf(7)).toBe(roundsOf(7))
  expect(roundsOf(7)).not.toBe(roundsOf(8))
})

it('nextRound chooses at least one story', () => {
  const random = createRandom(3)
  for (let i = 0; i < 200; i++) expect(nextRound(random, () => 'absent').stories.size).toBeGreaterThan(0)
})

it.each([
  ['fails when a round failed', [1, 1, 1], 1, { rounds: 3, roundsWithFaults: 3, failedRounds: 1, passed: false }],
  [
    'passes when half of the rounds had a fault',
    [2, 0, 1, 0],
    0,
    { rounds: 4, roundsWithFaults: 2, failedRounds: 0, passed: true },
  ],
  [
    'fails when fewer rounds had a fault',
    [2, 0, 1, 0, 0],
    0,
    { rounds: 5, roundsWithFaults: 2, failedRounds: 0, passed: false },
  ],
  ['fails without rounds', [], 0, { rounds: 0, roundsWithFaults: 0, failedRounds: 0, passed: false }],
])('summarize %s', (_, injected, failed, summary) => {
  const round = { stories: new Map(), faults: [] }
  const results = injected.map((injectedCount, i) => ({ round, injectedCount, violations: i < failed ? ['x'] : [] }))
  expect(summarizeRounds(results)).toEqual(summary)
})

it('mergeRuns takes the later result of a case, and drops a case whose point is no point any more', () => {
  const result = (pointName: string, ...violations: string[]) =>
    ({ story: 'delete', pointName, fault: 'etcd', violations, seconds: 1 }) as const
  const header = { date: '', command: '', minutes: 1, clouds: 1, retried: 0, versions: {} }
  const results = [result('a'), result('b', NOT_REACHED), result('c', NOT_REACHED), result('d', 'two domains run')]
  const earlier = { header, results, rows: new Map([['delete', ['a', 'b', 'c', 'd']]] as const) }
  const later = { results: [result('c')], rows: new Map([['delete', ['a', 'c']]] as const) }
  const merged = mergeRuns(earlier, later, 2)
  expect(merged.results).toEqual([result('a'), result('d', 'two domains run'), result('c')])
  expect(merged.header).toMatchObject({ retried: 1, minutes: 3 })
})

it('stablePoints keeps the first check of an effect that is under way', () => {
  const { point } = makeReachedPoint('domains.start')
  const check = (nth: number): ReachedPoint => ({ point: { ...point, nth, isUnderWay: true }, hasQemu: true })
  const all = [makeReachedPoint('domains.start'), check(2), check(3)]
  expect(stablePoints(all, all)).toEqual(all.slice(0, 2))
})
