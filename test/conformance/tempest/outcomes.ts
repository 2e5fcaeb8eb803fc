/** Makes a line for each test of a run, with the reason why it did not pass. Pure. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Reason, rules } from './reasons.ts'
import type { RawResult } from './tempest.ts'

export interface Outcome extends RawResult {
  /** The kind of hosts on which it ran. */
  hosts: 'simulated' | 'libvirt'
  /** Undefined for a test that passed, and for one that no rule explains. */
  reason?: Reason
}

/** The tests that the guideline for OpenStack Powered Compute requires. */
export const readInteropTests = (): ReadonlySet<string> =>
  new Set(
    readFileSync(join(import.meta.dirname, 'interop.txt'), 'utf8')
      .trim()
      .split('\n'),
  )

export const readOutcomes = (): Outcome[] =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8')) as Outcome[]

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

export function explainResult(result: RawResult, hosts: Outcome['hosts']): Outcome {
  const { test, message } = result
  const base = { ...result, hosts, message: withoutIds(message).slice(0, 200) }
  if (result.result === 'passed') return base
  const rule = rules.find((one) => (one.test?.test(test) ?? true) && one.message.test(message))
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

/** Throws if no test ran, or if a run of all tests had none on one kind of hosts. */
export function checkHasRun(outcomes: readonly Outcome[], hosts: readonly Outcome['hosts'][], filter?: string): void {
  const idle = hosts.filter((name) => !outcomes.some((outcome) => outcome.hosts === name))
  if (filter !== undefined && outcomes.length === 0) throw new Error(`tempest has no test that matches ${filter}.`)
  if (filter === undefined && idle.length > 0) throw new Error(`tempest has no test for ${idle.join(' and ')} hosts.`)
}

export function parseHosts(name: string | undefined): Outcome['hosts'][] {
  if (name === undefined) return ['simulated', 'libvirt']
  if (name === 'simulated' || name === 'libvirt') return [name]
  throw new Error(`There are no hosts ${name}. Use --hosts simulated or --hosts libvirt.`)
}
