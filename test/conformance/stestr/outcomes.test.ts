import { describe, expect, it } from 'vitest'
import {
  checkExit,
  checkFound,
  checkHasRun,
  completeResults,
  explainResult,
  findRegressions,
  findVanished,
  mergeOutcomes,
  type Outcome,
  parseHosts,
} from './outcomes.ts'
import { byMessage, byTest } from './reasons.ts'

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
  const failed = (test: string, message: string) => ({ test, result: 'failed', message }) as const
  const rules = [byTest('rebuild', /rebuild/, /501/), byMessage('resize', /Resize/), byMessage('volumes', /501/)]

  it.each([
    ['test_rebuild', '501', 'rebuild'],
    ['test_rebuild', 'Resize: 501', 'rebuild'],
    ['test_other', 'Resize: 501', 'resize'],
    ['test_other', '501', 'volumes'],
    ['test_rebuild', '500', undefined],
  ])('explains %s with %s by the first rule that matches: %s', (test, message, reason) => {
    expect(explainResult(failed(test, message), 'simulated', rules).reason).toBe(reason)
  })

  it('gives a test that passed no reason', () => {
    const passed = { test: 'test_rebuild', result: 'passed', message: '501' } as const
    expect(explainResult(passed, 'simulated', rules)).not.toHaveProperty('reason')
  })

  it('removes IDs from the message', () => {
    const message = 'Instance 911fb3e3-4429-447b-b50f-e230b15432bb of tempest-Web-12 at http://127.0.0.1:80/x'
    expect(explainResult(failed('a', message), 'libvirt', rules).message).toBe('Instance … of tempest-… at http://…/x')
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

describe('checkFound', () => {
  it('rejects a run of all tests that found none', () => {
    expect(() => checkFound([], 'tempest', 'libvirt')).toThrow('tempest has no test for libvirt hosts.')
    expect(() => checkFound(['a'], 'tempest', 'libvirt')).not.toThrow()
  })

  it('accepts that a suite has no test for a regular expression', () => {
    expect(() => checkFound([], 'tempest', 'libvirt', 'a')).not.toThrow()
  })
})

it('checkHasRun rejects a run whose regular expression matches no test', () => {
  expect(() => checkHasRun([], 'typo')).toThrow('There is no test that matches typo.')
  expect(() => checkHasRun([outcome('a', 'passed')], 'a')).not.toThrow()
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
