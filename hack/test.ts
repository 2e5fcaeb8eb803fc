/**
 * `make test`: checks, then the tests of the projects; `faults` is left to `make chaos`. Shows them as they go; the last line is
 * `N passed, N failed`. Arguments: projects (unit, rig, e2e, chaos).
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { check } from './check.ts'
import { command, root, seconds } from './command.ts'

interface Count {
  passed: number
  failed: number
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  success: boolean
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
}

const artefacts = join(root, 'test/artefacts')

async function project(name: string): Promise<Count> {
  const file = join(artefacts, `${name}.json`)
  console.log(`\n== ${name}`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const { code, time } = await command(['vitest', 'run', '--project', name, ...reporters], { echo: true })
  const count = existsSync(file)
    ? read(JSON.parse(readFileSync(file, 'utf8')) as Report, code)
    : { passed: 0, failed: 1 }
  console.log(`${count.failed === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${seconds(time)}`)
  return count
}

/**
 * A file that cannot be loaded, or an error outside of any test, fails the run without a failed test: it counts as one.
 * So does a test that was skipped: there is no reason to commit one.
 */
export function read(report: Report, code: number | null): Count {
  const skipped = report.numPendingTests + report.numTodoTests
  const failed = report.numFailedTests + skipped
  const elsewhere = failed === 0 && (code !== 0 || !report.success) ? 1 : 0
  return { passed: report.numPassedTests, failed: failed + elsewhere }
}

async function main(): Promise<Count> {
  // Also empties what the last run kept.
  rmSync(artefacts, { recursive: true, force: true })
  mkdirSync(artefacts, { recursive: true })
  console.log('== check')
  const counts: Count[] = [await check()]
  const asked = process.argv.slice(2)
  for (const name of asked.length > 0 ? asked : ['unit', 'rig', 'e2e', 'chaos']) {
    counts.push(await project(name))
  }
  return counts.reduce((sum, c) => ({ passed: sum.passed + c.passed, failed: sum.failed + c.failed }))
}

if (import.meta.main) {
  const { passed, failed } = await main()
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
  console.log(`\n${passed} passed, ${failed} failed`)
}
