// Many servers at once on two hosts, from `kubectl apply` until the last domain has started; beside it shells that make as many with qemu-img
// and virsh: one loop over both hosts, and a loop on each host at the same time. In turn, some rounds. Prints `name value unit`.
import { parseArgs } from 'node:util'
import { waitUntil } from '../rig/wait-until.ts'
import {
  benchCloud,
  between,
  byHand,
  type Copy,
  domainOf,
  manifest,
  prepareCopy,
  removeCopy,
  writesOf,
} from './lib/cloud.ts'
import { median, printFigure } from './lib/figures.ts'

const { values } = parseArgs({
  options: { servers: { type: 'string', default: '50' }, rounds: { type: 'string', default: '1' } },
})
const count = Number(values.servers)
const rounds = Number(values.rounds)

await using bench = await benchCloud(2)
const hosts = [...bench.cloud.hosts.values()]
const range = Array.from({ length: count }, (_, i) => i)
for (const host of ['h1', 'h2'])
  await bench.kubectl('patch', 'hypervisor', host, '--type=merge', '-p', '{"spec":{"allocationRatios":{"vcpu":64}}}')

/** Milliseconds from the start of kubectl until all domains have started; gives the servers' names with it. */
async function burst(round: string): Promise<{ took: number; names: string[] }> {
  const names = range.map((i) => `${round}-${i}x`)
  const file = manifest(bench, names)
  const begin = performance.now()
  await bench.kubectl('apply', '--server-side', '-f', file)
  const all = () => names.every((name) => domainOf(bench, name) !== undefined)
  await waitUntil(all, { what: `${count} domains to start`, every: 10, deadline: 300_000 })
  const took = Math.max(...names.map((name) => bench.started.get(domainOf(bench, name) ?? '') ?? Number.NaN)) - begin
  await bench.kubectl('wait', '--for=condition=Ready', ...names.map((name) => `server/${name}`), '--timeout=120s')
  return { took, names }
}

/** Copies of what the servers of a burst were, on both hosts in turn. */
async function copies(model: Map<string, string>): Promise<Copy[]> {
  const made: Copy[] = []
  for (const i of range) {
    const host = hosts[i % hosts.length]
    if (host) made.push(await prepareCopy(host, model.get(host.name) ?? '', i))
  }
  return made
}

const remove = (all: Copy[]) => Promise.all(all.map(removeCopy))

async function oneLoop(all: Copy[]): Promise<number> {
  let took = 0
  for (const copy of all) took += await byHand(copy.host, [copy])
  return took
}

async function aLoopEach(all: Copy[]): Promise<number> {
  const begin = performance.now()
  await Promise.all(
    hosts.map((host) =>
      byHand(
        host,
        all.filter((copy) => copy.host === host),
      ),
    ),
  )
  return performance.now() - begin
}

/** One server on each host stays, as the model of the copies. */
async function models(): Promise<Map<string, string>> {
  for (const name of ['model-a', 'model-b'])
    await bench.kubectl('apply', '--server-side', '-f', manifest(bench, [name]))
  await bench.kubectl('wait', '--for=condition=Ready', 'server', '--all', '--timeout=60s')
  const found = new Map<string, string>()
  for (const host of hosts) found.set(host.name, (await host.virsh('list', '--name')).trim())
  for (const host of hosts) await host.virsh('suspend', found.get(host.name) ?? '')
  return found
}

const say = (what: string, ms: number): void => console.error(`… ${what}: ${Math.round(ms)} ms`)

const model = await models()
const ours: number[] = []
const inTurn: number[] = []
const together: number[] = []
const writes: number[] = []
let each = ''
for (let round = 0; round < rounds; round++) {
  const before = writesOf(bench)
  const { took, names } = await burst(`r${round}`)
  ours.push(took)
  say('ours', took)
  const written = between(before, writesOf(bench))
  writes.push(written.sum / count)
  each = written.each
  await bench.kubectl('delete', 'server', ...names, '--timeout=300s')
  for (const [loop, times] of [
    [oneLoop, inTurn],
    [aLoopEach, together],
  ] as const) {
    const all = await copies(model)
    const took = await loop(all)
    times.push(took)
    say(loop.name, took)
    await remove(all)
  }
}
printFigure(`create.burst.${count}.ours`, median(ours), 'ms')
printFigure(`create.burst.${count}.virsh_loop`, median(inTurn), 'ms')
printFigure(`create.burst.${count}.virsh_loop_on_each_host`, median(together), 'ms')
printFigure('create.burst.ratio', median(ours.map((time, i) => time / (inTurn[i] ?? Number.NaN))), 'times the loop')
printFigure(
  'create.burst.ratio_to_both',
  median(ours.map((time, i) => time / (together[i] ?? Number.NaN))),
  'times a loop on each host',
)
printFigure('create.burst.api_writes', median(writes), `writes each (${each})`)
