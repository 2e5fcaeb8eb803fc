// From `kubectl apply` of a Server to its domain running, beside a shell that makes the same disk and domain with qemu-img and virsh.
// Also what kubectl itself takes of that: to apply an object of the same API with which nothing is to be done. And how many API writes a create costs,
// events and leases apart. Prints `name value unit`.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { waitUntil } from '../rig/wait-until.ts'
import {
  benchCloud,
  between,
  byHand,
  domainOf,
  manifest,
  prepareCopy,
  quickstart,
  removeCopy,
  writesOf,
} from './lib/cloud.ts'
import { median, printFigure } from './lib/figures.ts'

const { values } = parseArgs({ options: { creates: { type: 'string', default: '6' } } })
const creates = Number(values.creates)

await using bench = await benchCloud(1)
const host = bench.cloud.host('h1')

/** Milliseconds from the start of kubectl until the domain runs. */
async function create(name: string): Promise<number> {
  const file = manifest(bench, [name])
  const begin = performance.now()
  await bench.kubectl('apply', '--server-side', '-f', file)
  const domain = await waitUntil(() => domainOf(bench, name), { what: `${name} to start`, every: 2 })
  await bench.kubectl('wait', '--for=condition=Ready', `server/${name}`, '--timeout=60s')
  return (bench.started.get(domain) ?? Number.NaN) - begin
}

/** The same by hand. */
async function copy(server: string, i: number): Promise<number> {
  const prepared = await prepareCopy(host, domainOf(bench, server) ?? '', i)
  const took = await byHand(host, [prepared])
  await removeCopy(prepared)
  return took
}

/** Milliseconds of kubectl for what is there already. */
async function applyAgain(): Promise<number> {
  const begin = performance.now()
  await bench.kubectl('apply', '--server-side', '-f', join(quickstart, 'flavor.yaml'))
  return performance.now() - begin
}

/** Their guests would compete with the next for the processors. */
const quieten = async (names: readonly string[]): Promise<void> => {
  for (const name of names) await host.virsh('suspend', domainOf(bench, name) ?? '')
}
const named = (prefix: string): string[] => Array.from({ length: creates }, (_, i) => `${prefix}${i}`)

const ratios = JSON.stringify({ spec: { allocationRatios: { vcpu: 32 } } })
await bench.kubectl('patch', 'hypervisor', 'h1', '--type=merge', '-p', ratios)
await create('warm')
const before = writesOf(bench)
for (const name of named('w')) await create(name)
// What is written later because of them (figures of the host, at most one a minute) belongs to them.
await delay(65_000)
const after = writesOf(bench)
await quieten(['warm', ...named('w')])
await copy('warm', 99)
const times: number[] = []
const raw: number[] = []
const kubectl: number[] = []
for (const [i, name] of named('s').entries()) {
  times.push(await create(name))
  await quieten([name])
  raw.push(await copy(name, i))
  kubectl.push(await applyAgain())
}
const { sum, each, events } = between(before, after)
printFigure('create.ours.p50', median(times), 'ms')
printFigure('create.virsh.p50', median(raw), 'ms')
printFigure('create.overhead.p50', median(times.map((t, i) => t - (raw[i] ?? 0))), 'ms')
printFigure('create.kubectl.p50', median(kubectl), 'ms')
printFigure('create.api_writes', sum / creates, `writes (${each})`)
printFigure('create.events', events / creates, 'writes')
