import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createPlan } from './plan.ts'
import { shrinkPlan } from './shrink.ts'
import { type Coverage, runSimulation } from './simulate.ts'

const USAGE = `Usage: node test/sim/run.ts [options]

Runs the real controller and agent in a simulated cloud, with operations, faults and schedules that a seed gives.

  --seed N         Starts with seed N; default 1.
  --schedules N    Runs N seeds; default 1.
  --minutes N      Runs as many seeds as possible in N minutes.
  --trace          Runs one seed and prints every step.
  --shrink         Runs one seed and prints the smallest plan that still fails.
  --help           Prints this text.
`

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

interface Footprint {
  heapMiB: number
  rssMiB: number
  /** Number of active handles of this Node.js process, such as sockets and timers. */
  resources: number
}

function measureFootprint(): Footprint {
  for (let i = 0; i < 3; i++) gc()
  const { heapUsed, rss } = process.memoryUsage()
  return { heapMiB: heapUsed / 2 ** 20, rssMiB: rss / 2 ** 20, resources: process.getActiveResourcesInfo().length }
}

const describeFootprint = ({ heapMiB, rssMiB, resources }: Footprint): string =>
  `heap ${heapMiB.toFixed(1)} MiB, resident ${rssMiB.toFixed(0)} MiB, ${resources} handles`

/** After this many runs all code is loaded and compiled, so memory that grows later is a leak. */
const WARM_UP = 300
const REPORT_INTERVAL_MS = 30_000

interface Totals {
  schedules: number
  steps: number
  failed: number
  /** Milliseconds of real time. */
  ms: number
}

async function runMany(first: number, schedules: number, ms: number): Promise<number> {
  const coverage: Coverage = { states: new Set(), failurePoints: new Set() }
  const started = performance.now()
  const totals: Totals = { schedules: 0, steps: 0, failed: 0, ms: 0 }
  let reportedAt = 0
  let warmedUp: Footprint | undefined
  for (let seed = first; totals.schedules < schedules && totals.ms < ms; seed++) {
    const { steps, violations } = await runSimulation(createPlan(seed), { coverage })
    totals.schedules += 1
    totals.steps += steps
    totals.ms = performance.now() - started
    if (violations.length > 0) {
      totals.failed += 1
      console.log(`seed ${seed}: ${violations.join('; ')}`)
      console.log(`  repeat: node test/sim/run.ts --seed ${seed} --trace; smallest failing plan: --shrink`)
    }
    if (totals.schedules === WARM_UP) warmedUp = measureFootprint()
    if (totals.ms - reportedAt < REPORT_INTERVAL_MS) continue
    reportedAt = totals.ms
    console.log(`… ${totals.schedules} schedules, ${perSecond(totals)}/s, ${totals.failed} failed`)
  }
  reportTotals(totals, coverage)
  if (warmedUp)
    console.log(
      `after ${WARM_UP} schedules: ${describeFootprint(warmedUp)}; at the end: ${describeFootprint(measureFootprint())}`,
    )
  return totals.failed
}

const perSecond = ({ schedules, ms }: Totals): string => ((schedules * 1000) / ms).toFixed(1)

function reportTotals(totals: Totals, { states, failurePoints }: Coverage): void {
  const cpuMinutes = process.cpuUsage().user / 60e6
  console.log(
    `${totals.schedules} schedules, ${totals.steps} steps, ${(totals.ms / 60_000).toFixed(1)} minutes ` +
      `(${cpuMinutes.toFixed(1)} of CPU), ${perSecond(totals)}/s, ${states.size} states, ` +
      `${failurePoints.size} failure points, ${totals.failed} failed`,
  )
}

async function runOne(seed: number): Promise<number> {
  const plan = createPlan(seed)
  const [violation] = (await runSimulation(plan)).violations
  const smallest = values.shrink && violation !== undefined ? await shrinkPlan(plan, violation) : plan
  const { trace, servers, steps, ms, hash, violations } = await runSimulation(smallest, { trace: true })
  if (values.trace) console.log(trace.join('\n'))
  if (values.trace) console.log(JSON.stringify(servers, undefined, 1))
  console.log(JSON.stringify(smallest, undefined, 1))
  console.log(`${steps} steps, ${ms / 1000} simulated seconds, trace ${hash.toString(16)}`)
  console.log(violations.length > 0 ? `violations: ${violations.join('; ')}` : 'no violations')
  return violations.length
}

async function main(): Promise<number> {
  const [first, schedules] = [Number(values.seed), Number(values.schedules)]
  if (values.trace || values.shrink) return runOne(first)
  if (values.minutes === undefined) return runMany(first, schedules, Infinity)
  return runMany(first, Infinity, Number(values.minutes) * 60_000)
}

if (values.help) console.log(USAGE)
else process.exitCode = (await main()) > 0 ? 1 : 0
