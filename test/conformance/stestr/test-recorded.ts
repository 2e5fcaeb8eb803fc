import { expect, it } from 'vitest'
import { explainResult, findRule, type Outcome } from './outcomes.ts'
import type { Rule } from './reasons.ts'

/** Defines the tests that the recorded outcomes of each set of suites must pass. */
export function testRecordedOutcomes(recorded: readonly Outcome[], rules: readonly Rule[]): void {
  const unpassed = recorded.filter(({ result }) => result !== 'passed')

  it('have a reason for each test that did not pass', () => {
    expect(unpassed.filter(({ reason }) => !reason)).toEqual([])
  })

  it('have the reason that the rules give', () => {
    const wrong = recorded.filter(({ hosts, reason, ...raw }) => explainResult(raw, hosts, rules).reason !== reason)
    expect(wrong.map(({ test }) => test)).toEqual([])
  })

  it('need each rule', () => {
    const used = new Set(unpassed.map((outcome) => findRule(outcome, rules)))
    expect(rules.filter((rule) => !used.has(rule))).toEqual([])
  })
}
