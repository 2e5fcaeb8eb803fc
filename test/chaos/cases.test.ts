import { expect, it } from 'vitest'
import { type Actor, type Case, casesOf, nextMove, type Passed, steady } from './cases.ts'
import { faultNames } from './faults.ts'
import { merged } from './keep.ts'
import { NOT_REACHED } from './matrix.ts'
import { dice, nextAct, sumOf } from './random.ts'
import { type StoryName, stories, storyNames } from './stories.ts'

const passed = (step: string, qemu = true): Passed => ({
  point: { part: 'agent', server: 'default/vm', step, when: 'before', nth: 1 },
  qemu,
})

it('QEMU is not killed where there is none', () => {
  const cases = casesOf('create', [passed('define', false), passed('start')], faultNames)
  expect(cases).toHaveLength(2 * faultNames.length - 1)
  expect(cases.filter(({ fault }) => fault === 'QEMU').map(({ at }) => at)).toEqual(['agent: before start'])
})

it('points that one rehearsal of two has passed are left out', () => {
  const twice = { ...passed('define'), point: { ...passed('define').point, nth: 2 } }
  expect(steady([passed('define'), twice, passed('start')], [passed('start'), passed('define')])).toEqual([
    passed('define'),
    passed('start'),
  ])
})

it('a write that was refused and made once more is one write', () => {
  const point = (when: 'before' | 'after', nth: number): Passed => {
    const { point, qemu } = passed('Server deleting')
    return { point: { ...point, when, nth }, qemu }
  }
  const refused = [point('before', 1), point('before', 2), point('after', 1)]
  expect(steady(refused, refused)).toEqual([point('before', 1), point('after', 1)])
  const twice = [...refused, point('after', 2)]
  expect(steady(twice, twice)).toEqual(twice)
})

const silent = storyNames.filter((name) => !stories[name].asksGuest)

it.each<[string, readonly StoryName[], boolean]>([
  ['all', storyNames, true],
  ['all, of a guest that does not hear', silent, false],
  ...storyNames.map((name): [string, StoryName[], boolean] => [name, [name], !silent.includes(name)]),
])('each case has its turn, each on a server from which it can be told: %s', (_, names, hears) => {
  const left: Case[] = names.flatMap((story) => casesOf(story, [passed('x'), passed('y')], faultNames))
  const all = new Set(left)
  let actor: Actor = { state: 'absent', fresh: false, hears }
  let moves = 0
  for (let move = nextMove(left, actor); move; move = nextMove(left, actor)) {
    const name = 'go' in move ? move.go : move.play.story
    expect(stories[name].from).toBe(actor.state)
    if (!hears) expect(silent).toContain(name)
    if ('play' in move) {
      if (stories[name].fresh) expect(actor.fresh).toBe(true)
      left.splice(left.indexOf(move.play), 1)
      all.delete(move.play)
    }
    actor = { state: stories[name].to, fresh: name === 'create', hears }
    // A way to each, at most of as many stories as there are states.
    expect(++moves).toBeLessThan(names.length * 2 * faultNames.length * 5)
  }
  expect(all.size).toBe(0)
})

it('the same seed gives the same acts, another seed others', () => {
  const acts = (seed: number): string => {
    const roll = dice(seed)
    return JSON.stringify(
      Array.from({ length: 5 }, () => nextAct(roll, () => 'Running')).map(({ told, blows }) => [[...told], blows]),
    )
  }
  expect(acts(7)).toBe(acts(7))
  expect(acts(7)).not.toBe(acts(8))
})

it('an act tells at least one story', () => {
  const roll = dice(3)
  for (let i = 0; i < 200; i++) expect(nextAct(roll, () => 'absent').told.size).toBeGreaterThan(0)
})

it.each([
  ['one wrong end', [1, 1, 1], 1, { acts: 3, struck: 3, wrong: 1, right: false }],
  ['half had a fault', [2, 0, 1, 0], 0, { acts: 4, struck: 2, wrong: 0, right: true }],
  ['fewer had one', [2, 0, 1, 0, 0], 0, { acts: 5, struck: 2, wrong: 0, right: false }],
  ['no act', [], 0, { acts: 0, struck: 0, wrong: 0, right: false }],
])('what a random run has shown: %s', (_, fell, wrong, sum) => {
  const act = { told: new Map(), blows: [] }
  expect(sumOf(fell.map((n, i) => ({ act, fell: n, wrong: i < wrong ? ['x'] : [] })))).toEqual(sum)
})

it('what was told again counts as it ended then; what was never reached and is no point any more does not count, what was wrong does', () => {
  const told = (at: string, ...wrong: string[]) => ({ story: 'delete', at, fault: 'etcd', wrong, seconds: 1 }) as const
  const header = { date: '', command: '', minutes: 1, clouds: 1, again: 0, versions: {} }
  const results = [told('a'), told('b', NOT_REACHED), told('c', NOT_REACHED), told('d', 'two domains run')]
  const before = { header, results, rows: new Map([['delete', ['a', 'b', 'c', 'd']]] as const) }
  const now = { results: [told('c')], rows: new Map([['delete', ['a', 'c']]] as const) }
  expect(merged(before, now, 2).results).toEqual([told('a'), told('d', 'two domains run'), told('c')])
})
