/** Many runs: `node test/sim/run.ts --schedules 100000 --seed 1`; one again, step by step: `--seed 17 --trace`. */
import { parseArgs } from 'node:util'
import { makePlan } from './plan.ts'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
})
const first = Number(values.seed)
const started = performance.now()
let steps = 0
const failed = new Map<string, number[]>()
for (let seed = first; seed < first + Number(values.schedules); seed++) {
  const outcome = await simulate(makePlan(seed), { trace: values.trace })
  steps += outcome.steps
  if (values.trace) console.log(outcome.trace.join('\n'))
  if (values.trace) console.log(JSON.stringify(outcome.servers, undefined, 1))
  if (values.trace) console.log(outcome.ms, outcome.steps, outcome.hash, outcome.writes)
  for (const what of outcome.broken) {
    const kind = what.replaceAll(/[0-9]+/g, '#')
    failed.set(kind, [...(failed.get(kind) ?? []), seed])
  }
}
const seconds = (performance.now() - started) / 1000
console.log(
  `${values.schedules} schedules, ${steps} steps, ${seconds.toFixed(1)} s, ${(Number(values.schedules) / seconds).toFixed(1)}/s`,
)
for (const [kind, seeds] of [...failed].sort((a, b) => b[1].length - a[1].length))
  console.log(`${seeds.length}× ${kind}  seeds ${seeds.slice(0, 5).join(' ')}`)
