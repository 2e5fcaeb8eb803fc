/** Runs suites on their clouds, and compares the outcomes with the recorded ones. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createScratchDirectory, keepArtefacts } from '../../rig/scratch.ts'
import { startCloudWith } from './clouds.ts'
import {
  checkExit,
  checkFound,
  checkHasRun,
  completeResults,
  explainResult,
  findRegressions,
  findVanished,
  type HostKind,
  mergeOutcomes,
  type Outcome,
  parseHosts,
  type RawResult,
} from './outcomes.ts'
import { readOutcomes, writeOutcomes } from './results-file.ts'
import { Stestr } from './stestr.ts'
import type { Selection, SuiteSet } from './suite.ts'

interface Options {
  hosts: HostKind[]
  /** A regular expression; absent: all tests. */
  tests: string | undefined
  isRecording: boolean
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      hosts: { type: 'string' },
      tests: { type: 'string' },
      record: { type: 'boolean', default: false },
    },
  })
  return { hosts: parseHosts(values.hosts), tests: values.tests, isRecording: values.record }
}

/**
 * Sets the exit code of the process to 1 if a test does not pass for no known reason, or has passed before, or is gone.
 * Throws if no test runs.
 */
export async function runSuites(set: SuiteSet): Promise<void> {
  const options = readOptions()
  const dir = createScratchDirectory()
  // This timer keeps the process alive, because the child processes do not.
  const alive = setInterval(() => undefined, 60_000)
  try {
    const outcomes: Outcome[] = []
    for (const hosts of options.hosts) outcomes.push(...(await runOn(hosts, set, options.tests, dir)))
    checkHasRun(outcomes, options.tests)
    const regressions = compareWithRecord(outcomes, set, options)
    report(outcomes, regressions)
    if (regressions.length > 0) console.log(`logs: ${keepArtefacts(dir, set.name)}`)
    process.exitCode = regressions.length > 0 ? 1 : 0
  } finally {
    clearInterval(alive)
    rmSync(dir, { recursive: true, force: true })
  }
}

async function runOn(hosts: HostKind, set: SuiteSet, filter: string | undefined, dir: string): Promise<Outcome[]> {
  console.log(`== on ${hosts} hosts`)
  await using cloud = await startCloudWith[hosts](join(dir, `cloud-${hosts}`), console.log)
  const configure = await set.seed(cloud)
  const results: RawResult[] = []
  for (const suite of set.suites) {
    const tests = suite.tests[hosts]
    if (tests === undefined) continue
    const suiteDir = join(dir, `${suite.name}-${hosts}`)
    mkdirSync(suiteDir)
    configure(suiteDir)
    const stestr = await Stestr.prepare(suite, suiteDir)
    const selection = narrowSelection(tests, filter)
    const names = await stestr.list(selection)
    checkFound(names, suite.name, hosts, filter)
    if (names.length > 0) results.push(...(await runTests(stestr, selection, names)))
  }
  return results.map((result) => explainResult(result, hosts, set.rules))
}

/** Selects the tests that also match the filter. */
const narrowSelection = (tests: Selection, filter = ''): Selection => ({
  ...tests,
  include: `^(?=.*(?:${tests.include}))(?=.*(?:${filter}))`,
})

async function runTests(stestr: Stestr, selection: Selection, names: readonly string[]): Promise<RawResult[]> {
  console.log(`= ${names.length} tests`)
  const results: RawResult[] = []
  const exit = await stestr.run(selection, (result) => {
    results.push(result)
    if (result.result === 'failed') console.log(`failed: ${result.test}: ${result.message.slice(0, 300)}`)
  })
  const complete = completeResults(names, results)
  checkExit(exit, complete)
  return complete
}

/** Returns the unexpected outcomes. Records all outcomes if the options say so. */
function compareWithRecord(outcomes: readonly Outcome[], set: SuiteSet, options: Options): Outcome[] {
  const recorded = readOutcomes(set.name)
  const expected = options.tests === undefined ? recorded.filter(({ hosts }) => options.hosts.includes(hosts)) : []
  const vanished = findVanished(outcomes, expected)
  if (!options.isRecording) return findRegressions([...outcomes, ...vanished], recorded)
  writeOutcomes(set.name, mergeOutcomes(recorded, outcomes, vanished))
  return findRegressions(outcomes, [])
}

function report(outcomes: readonly Outcome[], regressions: readonly Outcome[]): void {
  for (const { test, result, message } of regressions) console.log(`unexpected: ${result}: ${test}: ${message}`)
  const count = (wanted: Outcome['result']): number => outcomes.filter(({ result }) => result === wanted).length
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
  console.log(`${regressions.length} unexpected`)
}
