// `make chaos`: every story with every fault at every point, and docs/kill-matrix.md of it.
//   node test/chaos/run.ts --again                              what the last whole run did not come to, or what ended wrong
//   node test/chaos/run.ts [--story NAME]… [--fault NAME]…      a part, which writes nothing
//   node test/chaos/run.ts --random N [--seed S]                random stories and faults
// --clouds N: so many clouds work at the same time.
import { parseArgs } from 'node:util'
import { keepArtefacts, sweep } from '../rig/scratch.ts'
import type { Case } from './cases.ts'
import { type FaultName, faultNames } from './faults.ts'
import { isSame, keep, kept, merged, newHeader, publish } from './keep.ts'
import type { Matrix, Result } from './matrix.ts'
import { playActs, sumOf } from './random.ts'
import { type StoryName, storyNames } from './stories.ts'
import { openStage, play } from './troupe.ts'

const { values } = parseArgs({
  options: {
    story: { type: 'string', multiple: true },
    fault: { type: 'string', multiple: true },
    clouds: { type: 'string', default: '2' },
    again: { type: 'boolean', default: false },
    random: { type: 'string' },
    seed: { type: 'string' },
  },
})

const started = performance.now()
const minutes = (): number => Math.round((performance.now() - started) / 60_000)
const clock = (): string => new Date(performance.now() - started).toISOString().slice(11, 19)
const log = (line: string): void => console.log(`${clock()} ${line}`)
const clouds = Number(values.clouds)

function chosen<T extends string>(what: string, asked: string[] | undefined, all: readonly T[]): readonly T[] {
  for (const name of asked ?? [])
    if (!(all as readonly string[]).includes(name)) throw new Error(`no ${what} ${name}: there are ${all.join(', ')}`)
  return asked === undefined ? all : all.filter((name) => asked.includes(name))
}

function report(results: readonly Result[]): boolean {
  const wrong = results.filter((r) => r.wrong.length > 0)
  console.log(`\n${results.length} cases, ${wrong.length} wrong ends, ${clock()}`)
  for (const { story, at, fault, wrong: what } of wrong) console.log(`${story} | ${at} | ${fault}: ${what.join('; ')}`)
  return results.length > 0 && wrong.length === 0
}

async function all(): Promise<boolean> {
  const stories = chosen<StoryName>('story', values.story, storyNames)
  const faults = chosen<FaultName>('fault', values.fault, faultNames)
  const whole = stories.length === storyNames.length && faults.length === faultNames.length
  if (!whole) return report((await play({ stories, faults, clouds, log })).results)
  const header = await newHeader(clouds)
  const found = (matrix: Matrix): void => keep({ ...matrix, header: { ...header, minutes: minutes() } })
  const matrix = await play({ stories, faults, clouds, log, found })
  publish({ ...matrix, header: { ...header, minutes: minutes() } })
  return report(matrix.results)
}

/** What is known to end right is left out. */
async function again(): Promise<boolean> {
  const before = kept()
  const right = before.results.filter((r) => r.wrong.length === 0)
  const picks = (c: Case): boolean => !right.some((r) => isSame(r, c))
  const found = (matrix: Matrix): void => keep(merged(before, matrix, minutes()))
  const matrix = await play({ stories: storyNames, faults: faultNames, clouds, log, picks, found })
  const whole = merged(before, matrix, minutes())
  publish(whole)
  return report(whole.results)
}

/** Prints the seed first: with it the same acts are played again. */
async function random(count: number, seed: number): Promise<boolean> {
  log(`seed ${seed}`)
  const stage = await openStage(log)
  try {
    const played = await playActs(stage, count, seed, log)
    const { acts, struck, wrong, right } = sumOf(played)
    if (wrong > 0) log(`kept: ${keepArtefacts(stage.gated.dir, `chaos-seed-${seed}`)}`)
    console.log(`\n${acts} acts, ${struck} of them with a fault, ${wrong} wrong ends, seed ${seed}, ${clock()}`)
    if (wrong === 0 && !right) console.log('too few acts had a fault: nothing is shown by them')
    return right
  } finally {
    await stage.gated.stop()
  }
}

await sweep()
const count = values.random === undefined ? undefined : Number(values.random)
const right =
  count !== undefined
    ? await random(count, Number(values.seed ?? Math.floor(Math.random() * 1e9)))
    : await (values.again ? again() : all())
process.exitCode = right ? 0 : 1
