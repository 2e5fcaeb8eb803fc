import { describe, expect, it } from 'vitest'
import {
  completeResults,
  explainResult,
  findRegressions,
  mergeOutcomes,
  type Outcome,
  readInteropTests,
  readOutcomes,
} from './outcomes.ts'
import { rules } from './reasons.ts'

const outcome = (test: string, result: Outcome['result'], more: Partial<Outcome> = {}): Outcome => ({
  test,
  result,
  message: '',
  hosts: 'simulated',
  ...more,
})

describe('completeResults', () => {
  it('gives each test of a class that was skipped as a whole the result of the class', () => {
    const results = [
      { test: 'setUpClass (a.B)', result: 'skipped', message: 'no' } as const,
      { test: 'a.C.test_1', result: 'passed', message: '' } as const,
    ]
    expect(completeResults(['a.B.test_1', 'a.B.test_2', 'a.C.test_1'], results)).toEqual([
      { test: 'a.B.test_1', result: 'skipped', message: 'no' },
      { test: 'a.B.test_2', result: 'skipped', message: 'no' },
      { test: 'a.C.test_1', result: 'passed', message: '' },
    ])
  })

  it('reports a test without any result, and a failed tearDownClass', () => {
    const tearDown = { test: 'tearDownClass (a.B)', result: 'failed', message: 'left' } as const
    expect(completeResults(['a.B.test_1'], [tearDown])).toEqual([
      { test: 'a.B.test_1', result: 'failed', message: 'has no result' },
      tearDown,
    ])
  })
})

describe('explainResult', () => {
  it('takes the first rule that matches the message', () => {
    const result = { test: 'a.B.test_1', result: 'skipped', message: 'Resize not available.' } as const
    expect(explainResult(result, 'simulated')).toMatchObject({ reason: 'resize' })
  })

  it('gives no reason when no rule matches', () => {
    const result = { test: 'a.B.test_1', result: 'failed', message: 'KeyError: 1' } as const
    expect(explainResult(result, 'simulated')).not.toHaveProperty('reason')
  })

  it('removes IDs from the message', () => {
    const message = 'Instance 911fb3e3-4429-447b-b50f-e230b15432bb of tempest-Web-12 at http://127.0.0.1:80/x'
    expect(explainResult({ test: 'a', result: 'failed', message }, 'libvirt').message).toBe(
      'Instance … of tempest-… at http://…/x',
    )
  })
})

describe('findRegressions', () => {
  it('finds tests without a reason, and tests that have passed before', () => {
    const now = [
      outcome('passes', 'passed'),
      outcome('waits', 'skipped', { reason: 'resize' }),
      outcome('breaks', 'failed'),
      outcome('passed before', 'skipped', { reason: 'resize' }),
    ]
    const before = [outcome('passed before', 'passed')]
    expect(findRegressions(now, before).map(({ test }) => test)).toEqual(['breaks', 'passed before'])
  })
})

it('mergeOutcomes replaces the outcomes of the tests that have run', () => {
  const merged = mergeOutcomes([outcome('b', 'failed'), outcome('a', 'passed')], [outcome('b', 'passed')])
  expect(merged.map(({ test, result }) => [test, result])).toEqual([
    ['a', 'passed'],
    ['b', 'passed'],
  ])
})

describe('the recorded outcomes', () => {
  const recorded = readOutcomes()

  it('have a reason for each test that did not pass', () => {
    expect(recorded.filter(({ result, reason }) => result !== 'passed' && !reason)).toEqual([])
  })

  it('have all tests of the guideline', () => {
    const tests = new Set(recorded.map(({ test }) => test))
    expect(readInteropTests().size).toBe(81)
    expect([...readInteropTests()].filter((test) => !tests.has(test))).toEqual([])
  })

  it('need each rule', () => {
    const reasons = new Set(recorded.map(({ reason }) => reason))
    expect(rules.filter(({ reason }) => !reasons.has(reason)).map(({ reason }) => reason)).toEqual([])
  })
})
