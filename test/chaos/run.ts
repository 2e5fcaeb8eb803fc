// The program of `make chaos`: the kill matrix or a part of it, or random operations with random faults. See USAGE.
import { parseArgs } from 'node:util'
import { keepArtefacts, removeOrphanedClouds } from '../rig/scratch.ts'
import type { Case } from './cases.ts'
import { type FaultName, faultNames } from './faults.ts'
import type { Matrix, Result } from './matrix.ts'
import { runRounds, summarizeRounds } from './random.ts'
import { createHeader, isSameCase, loadRun, mergeRuns, saveRun, writeMatrixPage } from './result-store.ts'
import { type StoryName, storyNames } from './stories.ts'
import { runCases, startChaosCloud } from './workers.ts'

const USAGE = `Usage: node test/chaos/run.ts [options]

Kills each process at each step of each story, checks the cloud afterwards, and writes docs/kill-matrix.md.

  --story NAME     Runs only this story; may be repeated. The page is not written.
  --fault NAME     Kills only this process; may be repeated. The page is not written.
  --again          Runs the cases that the last whole run did not reach or that failed, and updates the page.
  --random N       Runs N rounds of random stories with random faults instead of the matrix.
  --seed S         Repeats the random rounds of seed S.
  --clouds N       Uses N clouds at once; default 2.
  --help           Prints this text.

Stories: ${storyNames.join(', ')}
Faults: ${faultNames.join(', ')}
`

const { values } = parseArgs({
  options: {
    story: { type: 'string', multiple: true },
    fault: { type: 'string', multiple: true },
    clouds: { type: 'string', default: '2' },
    again: { type: 'boolean', default: false },
    random: { type: 'string' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const started = performance.now()
const minutes = (): number => Math.round((performance.now() - started) / 60_000)
const clock = (): string => new Date(performance.now() - started).toISOString().slice(11, 19)
const log = (line: string): void => console.log(`${clock()} ${line}`)
const clouds = Number(values.clouds)

function selectNames<T extends string>(kind: string, requested: string[] | undefined, all: readonly T[]): readonly T[] {
  for (const name of requested ?? [])
    if (!(all as readonly string[]).includes(name))
      throw new Error(`there is no ${kind} ${name}: use one of ${all.join(', ')}`)
  return requested === undefined ? all : all.filter((name) => requested.includes(name))
}

function reportResults(results: readonly Result[]): boolean {
  const failed = results.filter((r) => r.violations.length > 0)
  console.log(`\n${results.length} cases, ${failed.length} failed, ${clock()}`)
  for (const { story, pointName, fault, violations } of failed)
    console.log(`${story} | ${pointName} | ${fault}: ${violations.join('; ')}`)
  return results.length > 0 && failed.length === 0
}

async function runMatrix(): Promise<boolean> {
  const stories = selectNames<StoryName>('story', values.story, storyNames)
  const faults = selectNames<FaultName>('fault', values.fault, faultNames)
  const isWhole = stories.length === storyNames.length && faults.length === faultNames.length
  if (!isWhole) return reportResults((await runCases({ stories, faults, clouds, log })).results)
  const header = await createHeader(clouds)
  const withHeader = (matrix: Matrix) => ({ ...matrix, header: { ...header, minutes: minutes() } })
  const onResult = (matrix: Matrix): void => saveRun(withHeader(matrix))
  const matrix = await runCases({ stories, faults, clouds, log, onResult })
  writeMatrixPage(withHeader(matrix))
  return reportResults(matrix.results)
}

async function continueMatrix(): Promise<boolean> {
  const earlier = loadRun()
  const passed = earlier.results.filter((r) => r.violations.length === 0)
  const selects = (candidate: Case): boolean => !passed.some((r) => isSameCase(r, candidate))
  const onResult = (matrix: Matrix): void => saveRun(mergeRuns(earlier, matrix, minutes()))
  const matrix = await runCases({ stories: storyNames, faults: faultNames, clouds, log, selects, onResult })
  const merged = mergeRuns(earlier, matrix, minutes())
  writeMatrixPage(merged)
  return reportResults(merged.results)
}

/** Prints the seed first, so that even an aborted run can be repeated. */
async function runRandom(count: number, seed: number): Promise<boolean> {
  log(`seed ${seed}`)
  const cloud = await startChaosCloud(log)
  try {
    const { rounds, roundsWithFaults, failedRounds, passed } = summarizeRounds(
      await runRounds(cloud, { count, seed, log }),
    )
    if (failedRounds > 0) log(`artefacts: ${keepArtefacts(cloud.gated.dir, `chaos-seed-${seed}`)}`)
    const faults = `${roundsWithFaults} of them with a fault`
    console.log(`\n${rounds} rounds, ${faults}, ${failedRounds} failed, seed ${seed}, ${clock()}`)
    if (failedRounds === 0 && !passed) console.log('The run shows nothing: too few rounds had a fault.')
    return passed
  } finally {
    await cloud.gated.stop()
  }
}

async function main(): Promise<boolean> {
  await removeOrphanedClouds()
  if (values.random === undefined) return values.again ? continueMatrix() : runMatrix()
  return runRandom(Number(values.random), Number(values.seed ?? Math.floor(Math.random() * 1e9)))
}

if (values.help) console.log(USAGE)
else process.exitCode = (await main()) ? 0 : 1
