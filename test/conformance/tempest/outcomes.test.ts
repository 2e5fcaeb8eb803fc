import { describe, expect, it } from 'vitest'
import {
  checkExit,
  checkHasRun,
  completeResults,
  explainResult,
  findRegressions,
  findVanished,
  mergeOutcomes,
  type Outcome,
  parseHosts,
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

  it.each([
    ['a.compute.security_groups.B.test_1', "Details: {'code': 404, 'message': 'The resource could not be found.'}"],
    [
      'a.test_remove_server_all_security_groups',
      "Details: {'code': 400, 'message': 'Security group default cannot be removed from instance 1.'}",
    ],
  ])('explains a failure of %s by its message only', (test, message) => {
    const explain = (text: string) => explainResult({ test, result: 'failed', message: text }, 'simulated').reason
    expect(explain(message)).toBe('securityGroups')
    expect(explain("Details: {'code': 500, 'message': 'Internal Server Error'}")).toBeUndefined()
    expect(explain('has no result')).toBeUndefined()
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

describe('findVanished', () => {
  it('makes regressions of passed tests that did not run', () => {
    const before = [outcome('a', 'passed'), outcome('b', 'passed'), outcome('c', 'skipped', { reason: 'resize' })]
    const vanished = findVanished([outcome('a', 'passed')], before)
    expect(vanished.map(({ test, result, message }) => [test, result, message])).toEqual([
      ['b', 'failed', 'did not run'],
      ['c', 'failed', 'did not run'],
    ])
    expect(findRegressions(vanished, before).map(({ test }) => test)).toEqual(['b'])
  })
})

describe('checkExit', () => {
  it.each([
    [0, 'passed'],
    [1, 'failed'],
  ] as const)('accepts %s when a test has %s', (code, result) => {
    expect(() => checkExit(code, [outcome('a', result)])).not.toThrow()
  })

  it.each([
    [1, 'passed'],
    [2, 'failed'],
    [100, 'failed'],
    [null, 'failed'],
  ] as const)('rejects %s when a test has %s', (code, result) => {
    expect(() => checkExit(code, [outcome('a', result)])).toThrow(`stestr exited with ${code}`)
  })
})

describe('checkHasRun', () => {
  it('rejects a run whose regular expression matches no test', () => {
    expect(() => checkHasRun([], ['simulated', 'libvirt'], 'typo')).toThrow('tempest has no test that matches typo.')
    expect(() => checkHasRun([outcome('a', 'passed')], ['simulated', 'libvirt'], 'a')).not.toThrow()
  })

  it('rejects a run of all tests that has none on one kind of hosts', () => {
    expect(() => checkHasRun([outcome('a', 'passed')], ['simulated', 'libvirt'])).toThrow(
      'tempest has no test for libvirt hosts.',
    )
    expect(() => checkHasRun([outcome('a', 'passed')], ['simulated'])).not.toThrow()
  })
})

it('parseHosts rejects unknown hosts', () => {
  expect(parseHosts(undefined)).toEqual(['simulated', 'libvirt'])
  expect(parseHosts('libvirt')).toEqual(['libvirt'])
  expect(() => parseHosts('typo')).toThrow('There are no hosts typo. Use --hosts simulated or --hosts libvirt.')
})

it('mergeOutcomes removes the outcomes of tests that vanished', () => {
  const merged = mergeOutcomes([outcome('a', 'passed'), outcome('b', 'passed')], [], [outcome('b', 'failed')])
  expect(merged.map(({ test }) => test)).toEqual(['a'])
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

  it('have the reason that the rules give', () => {
    const wrong = recorded.filter(({ hosts, reason, test, result, message }) => {
      return explainResult({ test, result, message }, hosts).reason !== reason
    })
    expect(wrong.map(({ test }) => test)).toEqual([])
  })

  it('need each rule', () => {
    const reasons = new Set(recorded.map(({ reason }) => reason))
    expect(rules.filter(({ reason }) => !reasons.has(reason)).map(({ reason }) => reason)).toEqual([])
  })
})
