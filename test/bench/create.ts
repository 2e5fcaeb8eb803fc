// Measures the time from `kubectl apply` of a Server until its domain runs, and the API writes per create (Events and
// Leases apart). For comparison: a shell that makes the same disk and domain with qemu-img and virsh, and a `kubectl
// apply` that changes nothing. Prints lines `name value unit`.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { waitUntil } from '../rig/wait-until.ts'
import {
  countWrites,
  diffWrites,
  domainOf,
  prepareCopy,
  quickstartFolder,
  removeCopy,
  runCopies,
  startBenchCloud,
  writeServerManifest,
} from './lib/bench-cloud.ts'
import { medianOf, printFigure } from './lib/figures.ts'

const { values } = parseArgs({ options: { creates: { type: 'string', default: '6' } } })
const creates = Number(values.creates)

await using bench = await startBenchCloud(1)
const host = bench.cloud.host('h1')

/** Resolves to the time from the start of kubectl until the domain runs, in ms. */
async function timeCreate(name: string): Promise<number> {
  const file = writeServerManifest(bench, [name])
  const begin = performance.now()
  await bench.kubectl('apply', '--server-side', '-f', file)
  const domain = await waitUntil(() => domainOf(bench, name), { what: `${name} to start`, every: 2 })
  await bench.kubectl('wait', '--for=condition=Ready', `server/${name}`, '--timeout=60s')
  return (bench.startTimes.get(domain) ?? Number.NaN) - begin
}

/** Resolves to the time taken, in ms. */
async function timeCopy(server: string, i: number): Promise<number> {
  const prepared = await prepareCopy(host, domainOf(bench, server) ?? '', i)
  const took = await runCopies(host, [prepared])
  await removeCopy(prepared)
  return took
}

/** Resolves to the time that kubectl took, in ms. */
async function timeApplyOfUnchanged(): Promise<number> {
  const begin = performance.now()
  await bench.kubectl('apply', '--server-side', '-f', join(quickstartFolder, 'flavor.yaml'))
  return performance.now() - begin
}

/** Running guests would take CPU time from the next creation. */
const suspendGuests = async (names: readonly string[]): Promise<void> => {
  for (const name of names) await host.virsh('suspend', domainOf(bench, name) ?? '')
}
const serverNames = (prefix: string): string[] => Array.from({ length: creates }, (_, i) => `${prefix}${i}`)

const ratios = JSON.stringify({ spec: { allocationRatios: { vcpu: 32 } } })
await bench.kubectl('patch', 'hypervisor', 'h1', '--type=merge', '-p', ratios)
await timeCreate('warm')
const before = countWrites(bench)
for (const name of serverNames('w')) await timeCreate(name)
// The controller writes the usage of a host at most once a minute; `after` must include that write.
await delay(65_000)
const after = countWrites(bench)
await suspendGuests(['warm', ...serverNames('w')])
await timeCopy('warm', 99)
const createTimes: number[] = []
const copyTimes: number[] = []
const kubectlTimes: number[] = []
for (const [i, name] of serverNames('s').entries()) {
  createTimes.push(await timeCreate(name))
  await suspendGuests([name])
  copyTimes.push(await timeCopy(name, i))
  kubectlTimes.push(await timeApplyOfUnchanged())
}
const { total, byResource, events } = diffWrites(before, after)
printFigure('create.ours.p50', medianOf(createTimes), 'ms')
printFigure('create.virsh.p50', medianOf(copyTimes), 'ms')
printFigure('create.overhead.p50', medianOf(createTimes.map((t, i) => t - (copyTimes[i] ?? 0))), 'ms')
printFigure('create.kubectl.p50', medianOf(kubectlTimes), 'ms')
printFigure('create.api_writes', total / creates, `writes (${byResource})`)
printFigure('create.events', events / creates, 'writes')
