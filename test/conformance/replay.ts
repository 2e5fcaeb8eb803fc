/**
 * Sends the recorded requests to the shim, and compares its answers with Nova's. The shim runs in this process on the
 * fake API server, so a server's recorded state can be written instead of awaited.
 * Usage: node test/conformance/replay.ts --exchanges DIR [--area NAME] [--group TEXT] [--version 2.N] [--show N]
 */
import { parseArgs } from 'node:util'
import { loadRuns } from './exchange.ts'
import { playRun, type Result } from './player.ts'

const { values } = parseArgs({
  options: {
    exchanges: { type: 'string' },
    area: { type: 'string' },
    group: { type: 'string' },
    version: { type: 'string' },
    show: { type: 'string', default: '20' },
  },
})
if (values.exchanges === undefined) {
  console.error('usage: replay.ts --exchanges DIR [--area NAME] [--group TEXT] [--version 2.N] [--show N]')
  process.exit(2)
}
const runs = loadRuns(values.exchanges, values.area).filter(
  ({ group, microversion }) =>
    group.includes(values.group ?? '') && (values.version === undefined || microversion === values.version),
)
// This timer keeps the process alive, because the timers of the shim do not.
setInterval(() => undefined, 60_000)
const failures: Result[] = []
const counts = new Map<string, { passed: number; failed: number }>()
for (const run of runs) {
  for (const result of await playRun(run)) {
    const area = run.group.split('/')[0] ?? ''
    const count = counts.get(area) ?? { passed: 0, failed: 0 }
    counts.set(area, count)
    if (result.differences.length === 0) count.passed += 1
    else {
      count.failed += 1
      failures.push(result)
    }
  }
}
for (const { run, exchange, differences } of failures.slice(0, Number(values.show))) {
  const { method, path } = exchange.request
  console.log(`${run.group} @${run.microversion} ${exchange.id} ${exchange.as} ${method} ${path} [${exchange.setup}]`)
  for (const difference of differences) console.log(`  ${difference}`)
}
let [passed, failed] = [0, 0]
for (const [area, count] of counts) {
  console.log(`${area}: ${count.passed} passed, ${count.failed} failed`)
  passed += count.passed
  failed += count.failed
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(0)
