/**
 * Runs tempest's tests of the Compute API. Fails if a test does not pass for no known reason, or has passed before, or
 * if no test runs.
 * Usage: node test/conformance/tempest/run.ts [--hosts simulated|libvirt] [--tests REGEX] [--concurrency 2] [--record]
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createScratchDirectory, keepArtefacts } from '../../rig/scratch.ts'
import { formatConfiguration } from './configuration.ts'
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
  readOutcomes,
} from './outcomes.ts'
import { NETWORK, type StartStand, startLibvirtStand, startSimulatedStand, type TempestStand } from './stand.ts'
import { COMPUTE_TESTS, type RawResult, type Selection, Tempest } from './tempest.ts'

const { values: options } = parseArgs({
  options: {
    hosts: { type: 'string' },
    tests: { type: 'string' },
    concurrency: { type: 'string', default: '2' },
    record: { type: 'boolean', default: false },
  },
})

/** Tests that read what a guest or QEMU has written. */
const ON_LIBVIRT = String.raw`\.ServerDiagnostics(V248)?Test\.|\.test_get_console_output(_with_unlimited_size)?\[|\.test_change_server_password\[`

const runs: Readonly<Record<Outcome['hosts'], { start: StartStand; tests: Selection }>> = {
  simulated: { start: startSimulatedStand, tests: { include: COMPUTE_TESTS, exclude: ON_LIBVIRT } },
  libvirt: { start: startLibvirtStand, tests: { include: ON_LIBVIRT } },
}

function configure(dir: string, { url, admin, images, flavors }: TempestStand): void {
  mkdirSync(dir)
  const configuration = formatConfiguration({ dir, url, admin, images, flavors, network: NETWORK })
  writeFileSync(join(dir, 'tempest.conf'), configuration, { mode: 0o600 })
}

async function runOn(hosts: Outcome['hosts'], dir: string): Promise<Outcome[]> {
  console.log(`== on ${hosts} hosts`)
  const { start, tests } = runs[hosts]
  const selection = { ...tests, ...(options.tests === undefined ? {} : { include: options.tests }) }
  await using stand = await start(join(dir, `cloud-${hosts}`), console.log)
  const tempestDir = join(dir, `tempest-${hosts}`)
  configure(tempestDir, stand)
  const tempest = await Tempest.prepare(tempestDir)
  const names = await tempest.list(selection)
  if (names.length === 0) return []
  const results: RawResult[] = []
  const exit = await tempest.run(selection, Number(options.concurrency), (result) => {
    results.push(result)
    if (result.result === 'failed') console.log(`failed: ${result.test}: ${result.message.slice(0, 300)}`)
  })
  const complete = completeResults(names, results)
  checkExit(exit, complete)
  return complete.map((result) => explainResult(result, hosts))
}

function report(outcomes: readonly Outcome[], regressions: readonly Outcome[]): void {
  for (const { test, result, message } of regressions) console.log(`unexpected: ${result}: ${test}: ${message}`)
  const count = (wanted: Outcome['result']): number => outcomes.filter(({ result }) => result === wanted).length
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
  console.log(`${regressions.length} unexpected`)
}

const wanted = parseHosts(options.hosts)
const dir = createScratchDirectory()
// This timer keeps the process alive, because the child processes do not.
const alive = setInterval(() => undefined, 60_000)
try {
  const outcomes: Outcome[] = []
  for (const hosts of wanted) outcomes.push(...(await runOn(hosts, dir)))
  checkHasRun(outcomes, wanted, options.tests)
  const recorded = readOutcomes()
  const expected = options.tests === undefined ? recorded.filter(({ hosts }) => wanted.includes(hosts)) : []
  const vanished = findVanished(outcomes, expected)
  const regressions = options.record
    ? findRegressions(outcomes, [])
    : findRegressions([...outcomes, ...vanished], recorded)
  report(outcomes, regressions)
  const file = join(import.meta.dirname, 'results.json')
  const merged = mergeOutcomes(recorded, outcomes, vanished)
  if (options.record) writeFileSync(file, `${JSON.stringify(merged, undefined, 2)}\n`)
  if (regressions.length > 0) console.log(`logs: ${keepArtefacts(dir, 'tempest')}`)
  process.exitCode = regressions.length > 0 ? 1 : 0
} finally {
  clearInterval(alive)
  rmSync(dir, { recursive: true, force: true })
}
