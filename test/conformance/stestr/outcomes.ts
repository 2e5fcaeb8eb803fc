/** Makes a line for each test of a run, with the reason why it did not pass. Pure. */
import type { Reason, Rule } from './reasons.ts'

export type HostKind = 'simulated' | 'libvirt'

export interface RawResult {
  /** The name of a test, or `setUpClass (…)` with the name of a class none of whose tests ran. */
  test: string
  result: 'passed' | 'failed' | 'skipped'
  message: string
}

export interface Outcome extends RawResult {
  /** The hosts on which it ran. */
  hosts: HostKind
  /** Undefined for a test that passed, and for one that no rule explains. */
  reason?: Reason
}

const classOf = (test: string): string => test.slice(0, test.lastIndexOf('.'))

/**
 * Returns a result for each test. If a class failed or was skipped as a whole, each of its tests gets the result of the
 * class.
 */
export function completeResults(tests: readonly string[], results: readonly RawResult[]): RawResult[] {
  const own = new Map(results.map((result) => [result.test, result]))
  const ofClass = new Map(
    results.flatMap((result) => {
      const name = /^setUpClass \((.*)\)$/.exec(result.test)?.[1]
      return name === undefined ? [] : [[name, result] as const]
    }),
  )
  const missing = { result: 'failed', message: 'has no result' } as const
  const complete = tests.map((test) => ({ ...(own.get(test) ?? ofClass.get(classOf(test)) ?? missing), test }))
  return [...complete, ...results.filter(({ test }) => test.startsWith('tearDownClass'))]
}

export const findRule = ({ test, message }: RawResult, rules: readonly Rule[]): Rule | undefined =>
  rules.find((rule) => (rule.test?.test(test) ?? true) && rule.message.test(message))

export function explainResult(result: RawResult, hosts: HostKind, rules: readonly Rule[]): Outcome {
  const base = { ...result, hosts, message: withoutIds(result.message).slice(0, 200) }
  if (result.result === 'passed') return base
  const rule = findRule(result, rules)
  return rule ? { ...base, reason: rule.reason } : base
}

/** Replaces the recorded outcomes of the tests that have run, and removes those that vanished. Sorted by name. */
export function mergeOutcomes(
  recorded: readonly Outcome[],
  outcomes: readonly Outcome[],
  vanished: readonly Outcome[] = [],
): Outcome[] {
  const byTest = new Map([...recorded, ...outcomes].map((outcome) => [outcome.test, outcome]))
  for (const { test } of vanished) byTest.delete(test)
  return [...byTest.values()].toSorted((a, b) => a.test.localeCompare(b.test))
}

/** Removes what differs from run to run. */
const withoutIds = (text: string): string =>
  text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '…')
    .replaceAll(/\b[0-9a-f]{32}\b/g, '…')
    .replaceAll(/\b\d{10,}\b/g, '…')
    .replaceAll(/tempest-[\w-]+/g, 'tempest-…')
    .replaceAll(/http:\/\/[\d.:]+/g, 'http://…')

/** Tests that did not pass and have no reason, and tests that passed when the results were recorded. */
export function findRegressions(outcomes: readonly Outcome[], recorded: readonly Outcome[]): Outcome[] {
  const passed = new Set(recorded.filter(({ result }) => result === 'passed').map(({ test }) => test))
  return outcomes.filter(({ test, result, reason }) => result !== 'passed' && (!reason || passed.has(test)))
}

/** The recorded tests that a run of all tests did not have, as failures. */
export function findVanished(outcomes: readonly Outcome[], recorded: readonly Outcome[]): Outcome[] {
  const seen = new Set(outcomes.map(({ test }) => test))
  return recorded
    .filter(({ test }) => !seen.has(test))
    .map((outcome) => ({ ...outcome, result: 'failed', message: 'did not run' }))
}

/** Throws if stestr itself has failed. It exits with 1 if a test has failed. */
export function checkExit(code: number | null, results: readonly RawResult[]): void {
  if (code === 0 || (code === 1 && results.some(({ result }) => result === 'failed'))) return
  throw new Error(`stestr exited with ${code}, which no failed test explains. Its messages are above.`)
}

/**
 * Throws if a run of all tests found none.
 * @param filter the regular expression of a run that has only some tests
 */
export function checkFound(tests: readonly string[], suite: string, hosts: HostKind, filter?: string): void {
  if (filter === undefined && tests.length === 0) throw new Error(`${suite} has no test for ${hosts} hosts.`)
}

export function checkHasRun(outcomes: readonly Outcome[], filter?: string): void {
  if (outcomes.length === 0) throw new Error(`There is no test that matches ${filter}.`)
}

export function parseHosts(name: string | undefined): HostKind[] {
  if (name === undefined) return ['simulated', 'libvirt']
  if (name === 'simulated' || name === 'libvirt') return [name]
  throw new Error(`There are no hosts ${name}. Use --hosts simulated or --hosts libvirt.`)
}
