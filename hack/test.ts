/**
 * `make test`: runs the checks of `make check`, then the tests. The last line is `N passed, N failed`. Arguments: names
 * of vitest projects, by default unit, rig, e2e and chaos. `make chaos` runs the project `faults`.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runChecks } from './check.ts'
import { formatSeconds, root, runCommand } from './command.ts'

interface Count {
  passed: number
  failed: number
}

interface Report {
  success: boolean
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
}

const artefacts = join(root, 'test/artefacts')

async function runVitestProject(name: string): Promise<Count> {
  const file = join(artefacts, `${name}.json`)
  console.log(`\n== ${name}`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const { code, time } = await runCommand(['vitest', 'run', '--project', name, ...reporters], { echo: true })
  const count = existsSync(file)
    ? countTests(JSON.parse(readFileSync(file, 'utf8')) as Report, code)
    : { passed: 0, failed: 1 }
  console.log(`${count.failed === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${formatSeconds(time)}`)
  return count
}

/**
 * vitest can fail without a failed test, when a file cannot be loaded or an error occurs outside of the tests: that
 * counts as one failed test. A skipped test counts as failed, because none should be committed.
 */
export function countTests(report: Report, code: number | null): Count {
  const skipped = report.numPendingTests + report.numTodoTests
  const failed = report.numFailedTests + skipped
  const outsideTests = failed === 0 && (code !== 0 || !report.success) ? 1 : 0
  return { passed: report.numPassedTests, failed: failed + outsideTests }
}

/**
 * The projects of a lane run one after the other, and the lanes at the same time: most tests wait more than compute.
 */
const lanes: readonly (readonly string[])[] = [
  ['rig', 'chaos'],
  ['unit', 'e2e'],
]

async function runLane(projects: readonly string[]): Promise<Count[]> {
  const counts: Count[] = []
  for (const name of projects) counts.push(await runVitestProject(name))
  return counts
}

async function runAll(): Promise<Count> {
  rmSync(artefacts, { recursive: true, force: true })
  mkdirSync(artefacts, { recursive: true })
  console.log('== check')
  const checks = await runChecks()
  const requested = process.argv.slice(2)
  const counts = await Promise.all((requested.length > 0 ? [requested] : lanes).map(runLane))
  return [checks, ...counts.flat()].reduce((sum, c) => ({
    passed: sum.passed + c.passed,
    failed: sum.failed + c.failed,
  }))
}

if (import.meta.main) {
  const { passed, failed } = await runAll()
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
  console.log(`\n${passed} passed, ${failed} failed`)
}
