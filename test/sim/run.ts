/**
 * Many runs: `node test/sim/run.ts --schedules 100000 --seed 1`, or as many as there is time for: `--minutes 60`.
 * One run again, step by step: `--seed 17 --trace`; the least of it that still fails: `--seed 17 --shrink`.
 */
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { makePlan } from './plan.ts'
import { shrink } from './shrink.ts'
import { type Coverage, simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
  },
})

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

interface Footprint {
  heapMiB: number
  rssMiB: number
  /** Handles, sockets, timers of the process. */
  resources: number
}

function footprint(): Footprint {
  for (let i = 0; i < 3; i++) gc()
  const { heapUsed, rss } = process.memoryUsage()
  return { heapMiB: heapUsed / 2 ** 20, rssMiB: rss / 2 ** 20, resources: process.getActiveResourcesInfo().length }
}

const show = ({ heapMiB, rssMiB, resources }: Footprint): string =>
  `heap ${heapMiB.toFixed(1)} MiB, resident ${rssMiB.toFixed(0)} MiB, ${resources} handles`

/** Caches of modules and compiled code are full by then. */
const WARM = 300
const REPORT_MS = 30_000

async function many(first: number, schedules: number, ms: number): Promise<number> {
  const coverage: Coverage = { states: new Set(), points: new Set() }
  const started = performance.now()
  let reported = started
  let [steps, failed, seed] = [0, 0, first]
  let warm: Footprint | undefined
  for (; seed < first + schedules && performance.now() - started < ms; seed++) {
    const outcome = await simulate(makePlan(seed), { coverage })
    steps += outcome.steps
    if (outcome.broken.length > 0) {
      failed += 1
      console.log(`seed ${seed}: ${outcome.broken.join('; ')}`)
      console.log(`  again: node test/sim/run.ts --seed ${seed} --trace; less of it: --shrink`)
    }
    if (seed - first === WARM) warm = footprint()
    if (performance.now() - reported < REPORT_MS) continue
    reported = performance.now()
    const done = seed - first + 1
    console.log(`… ${done} schedules, ${((done * 1000) / (reported - started)).toFixed(1)}/s, ${failed} failed`)
  }
  const [seconds, count] = [(performance.now() - started) / 1000, seed - first]
  const cpu = process.cpuUsage().user / 1e6
  console.log(
    `${count} schedules, ${steps} steps, ${(seconds / 60).toFixed(1)} minutes (${(cpu / 60).toFixed(1)} of CPU), ` +
      `${(count / seconds).toFixed(1)}/s, ${coverage.states.size} states, ${coverage.points.size} points of failure, ${failed} failed`,
  )
  if (warm) console.log(`after ${WARM} schedules: ${show(warm)}; at the end: ${show(footprint())}`)
  return failed
}

async function one(seed: number): Promise<number> {
  const plan = makePlan(seed)
  const { broken } = await simulate(plan)
  const least = values.shrink && broken.length > 0 ? await shrink(plan, broken[0]) : plan
  const outcome = await simulate(least, { trace: true })
  if (values.trace) console.log(outcome.trace.join('\n'))
  if (values.trace) console.log(JSON.stringify(outcome.servers, undefined, 1))
  console.log(JSON.stringify(least, undefined, 1))
  console.log(`${outcome.steps} steps, ${outcome.ms / 1000} simulated seconds, trace ${outcome.hash.toString(16)}`)
  console.log(outcome.broken.length > 0 ? `broken: ${outcome.broken.join('; ')}` : 'all is well')
  return outcome.broken.length
}

const [first, schedules] = [Number(values.seed), Number(values.schedules)]
const failed =
  values.trace || values.shrink
    ? await one(first)
    : await many(first, values.minutes ? Infinity : schedules, Number(values.minutes ?? Infinity) * 60_000)
process.exitCode = failed > 0 ? 1 : 0
