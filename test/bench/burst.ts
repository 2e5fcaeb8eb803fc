// Creates many Servers at once on two hosts and measures the time from `kubectl apply` until the last domain has
// started. For comparison, qemu-img and virsh make as many domains: in one shell loop for both hosts, then in one loop
// per host at the same time. Prints lines `name value unit`.
import { parseArgs } from 'node:util'
import { waitUntil } from '../rig/wait-until.ts'
import {
  countWrites,
  type DomainCopy,
  diffWrites,
  domainOf,
  prepareCopy,
  removeCopy,
  runCopies,
  startBenchCloud,
  writeServerManifest,
} from './lib/bench-cloud.ts'
import { medianOf, printFigure } from './lib/figures.ts'

const { values } = parseArgs({
  options: { servers: { type: 'string', default: '50' }, rounds: { type: 'string', default: '1' } },
})
const count = Number(values.servers)
const rounds = Number(values.rounds)

await using bench = await startBenchCloud(2)
const hosts = [...bench.cloud.hosts.values()]
const range = Array.from({ length: count }, (_, i) => i)
for (const host of ['h1', 'h2'])
  await bench.kubectl('patch', 'hypervisor', host, '--type=merge', '-p', '{"spec":{"allocationRatios":{"vcpu":64}}}')

/** `took`: milliseconds from the start of kubectl until all domains have started. */
async function timeBurst(round: string): Promise<{ took: number; names: string[] }> {
  const names = range.map((i) => `${round}-${i}x`)
  const file = writeServerManifest(bench, names)
  const begin = performance.now()
  await bench.kubectl('apply', '--server-side', '-f', file)
  const haveAllStarted = () => names.every((name) => domainOf(bench, name) !== undefined)
  await waitUntil(haveAllStarted, { what: `${count} domains to start`, every: 10, deadline: 300_000 })
  const took = Math.max(...names.map((name) => bench.startTimes.get(domainOf(bench, name) ?? '') ?? Number.NaN)) - begin
  await bench.kubectl('wait', '--for=condition=Ready', ...names.map((name) => `server/${name}`), '--timeout=120s')
  return { took, names }
}

/**
 * Half of the copies are on each host.
 * @param model maps the name of a host to the name of its template domain
 */
async function prepareCopies(model: Map<string, string>): Promise<DomainCopy[]> {
  const copies: DomainCopy[] = []
  for (const i of range) {
    const host = hosts[i % hosts.length]
    if (host) copies.push(await prepareCopy(host, model.get(host.name) ?? '', i))
  }
  return copies
}

const removeCopies = (all: DomainCopy[]) => Promise.all(all.map(removeCopy))

async function timeOneLoop(all: DomainCopy[]): Promise<number> {
  let took = 0
  for (const copy of all) took += await runCopies(copy.host, [copy])
  return took
}

async function timeLoopPerHost(all: DomainCopy[]): Promise<number> {
  const begin = performance.now()
  await Promise.all(
    hosts.map((host) =>
      runCopies(
        host,
        all.filter((copy) => copy.host === host),
      ),
    ),
  )
  return performance.now() - begin
}

/** The domains are suspended; every repetition copies them. Returns a map from host name to domain name. */
async function createTemplateDomains(): Promise<Map<string, string>> {
  for (const name of ['model-a', 'model-b'])
    await bench.kubectl('apply', '--server-side', '-f', writeServerManifest(bench, [name]))
  await bench.kubectl('wait', '--for=condition=Ready', 'server', '--all', '--timeout=60s')
  const found = new Map<string, string>()
  for (const host of hosts) found.set(host.name, (await host.virsh('list', '--name')).trim())
  for (const host of hosts) await host.virsh('suspend', found.get(host.name) ?? '')
  return found
}

const reportProgress = (what: string, ms: number): void => console.error(`… ${what}: ${Math.round(ms)} ms`)

const modelDomains = await createTemplateDomains()
const burstTimes: number[] = []
const oneLoopTimes: number[] = []
const loopPerHostTimes: number[] = []
const writesPerServer: number[] = []
let byResource = ''
for (let round = 0; round < rounds; round++) {
  const before = countWrites(bench)
  const { took, names } = await timeBurst(`r${round}`)
  burstTimes.push(took)
  reportProgress('ours', took)
  const written = diffWrites(before, countWrites(bench))
  writesPerServer.push(written.total / count)
  byResource = written.byResource
  await bench.kubectl('delete', 'server', ...names, '--timeout=300s')
  for (const [loop, times] of [
    [timeOneLoop, oneLoopTimes],
    [timeLoopPerHost, loopPerHostTimes],
  ] as const) {
    const all = await prepareCopies(modelDomains)
    const took = await loop(all)
    times.push(took)
    reportProgress(loop.name, took)
    await removeCopies(all)
  }
}
printFigure(`create.burst.${count}.ours`, medianOf(burstTimes), 'ms')
printFigure(`create.burst.${count}.virsh_loop`, medianOf(oneLoopTimes), 'ms')
printFigure(`create.burst.${count}.virsh_loop_on_each_host`, medianOf(loopPerHostTimes), 'ms')
printFigure(
  'create.burst.ratio',
  medianOf(burstTimes.map((time, i) => time / (oneLoopTimes[i] ?? Number.NaN))),
  'times the loop',
)
printFigure(
  'create.burst.ratio_to_both',
  medianOf(burstTimes.map((time, i) => time / (loopPerHostTimes[i] ?? Number.NaN))),
  'times a loop on each host',
)
printFigure('create.burst.api_writes', medianOf(writesPerServer), `writes each (${byResource})`)
