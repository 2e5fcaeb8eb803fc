// agent/libvirt beside libvirt-python (libvirt's own client in C) and digitalocean/go-libvirt: same socket, same calls, in
// turn within each of several rounds; `floor` is a bare socket in Node. Prints `name value unit`, and beside it the others'
// values, in parentheses how many times worse ours is (below 1: better), by the median of the rounds.
// Usage: node test/bench/libvirt.ts [--rounds 7] [--scale 1] [--only TEXT]
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openConnection, proc } from '../../agent/libvirt/index.ts'
import { emptyDomainXml } from '../../agent/libvirt/testing/guest.ts'
import { type Host, startHost } from '../rig/host.ts'
import { scratchDirectory } from '../rig/scratch.ts'
import { type Client, flicker, floor, ours, rivals, start } from './libvirt/clients.ts'
import { eventWorkload, lines, volumeBytes, type Workload, workloads } from './libvirt/figures.ts'
import type { Measured } from './libvirt/worker.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
})
const rounds = Number(values.rounds)
const scale = Number(values.scale)

type Clients = Map<string, Client>
type Argv = [name: string, argv: string[] | undefined][]

/** Fifty domains that are off, a pool and a volume. Gives a domain's UUID. */
async function prepare(host: Host): Promise<string> {
  await using connection = await openConnection(host.uri)
  const uuid = randomUUID()
  for (let i = 0; i < 50; i += 1) {
    const xml = emptyDomainXml(`bench-${i}`, i === 0 ? uuid : randomUUID())
    await connection.call(proc.domainDefineXmlFlags, { xml })
  }
  const path = join(host.home, 'bench')
  mkdirSync(path)
  const poolXml = `<pool type='dir'><name>bench</name><target><path>${path}</path></target></pool>`
  const { pool } = await connection.call(proc.storagePoolCreateXml, { xml: poolXml })
  const xml = `<volume><name>bench</name><capacity>${volumeBytes}</capacity></volume>`
  await connection.call(proc.storageVolCreateXml, { pool, xml })
  return uuid
}

async function startAll(argvs: Argv, args: string[]): Promise<Clients> {
  const clients: Clients = new Map()
  for (const [name, argv] of argvs) if (argv) clients.set(name, await start([...argv, ...args]))
  return clients
}

/** The clients in another order each round: none is always the one that runs after the same other. */
function inTurn(clients: Clients, round: number): [string, Client][] {
  const list = [...clients]
  const first = round % list.length
  return [...list.slice(first), ...list.slice(0, first)]
}

/** These rounds warm up and do not count: JIT (some thousand calls), page cache, libvirtd's own caches. */
const warmUp = 3

async function runRounds(workload: Workload, clients: Clients, once: (client: Client) => Promise<Measured>) {
  const results: Map<string, Measured>[] = []
  for (let round = 0; round < warmUp + rounds; round += 1) {
    const result = new Map<string, Measured>()
    for (const [name, client] of inTurn(clients, round)) result.set(name, await once(client))
    if (round >= warmUp) results.push(result)
  }
  for (const line of lines(workload, results)) console.log(line)
}

async function closeAll(...groups: Clients[]): Promise<void> {
  for (const clients of groups) for (const client of clients.values()) await client.close()
}

async function benchCalls(argvs: Argv, args: [socket: string, uuid: string]): Promise<void> {
  const clients = await startAll(argvs, args)
  const bare = await startAll([['floor', floor]], args)
  for (const workload of workloads(scale).filter(wanted)) {
    const group = workload.name === 'libvirt.latency.version' ? new Map([...clients, ...bare]) : clients
    await runRounds(workload, group, (client) => client.ask(workload.task))
  }
  await closeAll(clients, bare)
}

/** Processes of their own: what a client needs to take events may slow its calls down. */
async function benchEvents(argvs: Argv, args: [socket: string, uuid: string]): Promise<void> {
  const workload = eventWorkload(Math.round(20_000 * scale))
  if (!wanted(workload)) return
  const clients = await startAll(argvs, [...args, 'loop'])
  const source = await startAll([['flicker', flicker]], args)
  await runRounds(workload, clients, async (client) => {
    await client.ask({ task: 'listen' })
    const [result] = await Promise.all([client, ...source.values()].map((each) => each.ask(workload.task)))
    if (!result) throw new Error('no client')
    return result
  })
  await closeAll(clients, source)
}

const wanted = ({ name }: Workload): boolean => name.includes(values.only)

const dir = scratchDirectory()
try {
  await using host = await startHost({ dir, name: 'bench', owned: true })
  const argvs: Argv = [['ours', ours], ...Object.entries(await rivals())]
  const uuid = await prepare(host)
  await benchCalls(argvs, [host.socket, uuid])
  await benchEvents(argvs, [host.socket, uuid])
} finally {
  rmSync(dir, { recursive: true, force: true })
}
