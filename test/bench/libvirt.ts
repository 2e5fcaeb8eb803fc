// Compares our libvirt client (`ours`) with libvirt-python, digitalocean/go-libvirt, and a bare socket in Node
// (`floor`). All clients in turn make the same calls on the same socket, several times; values are medians. Each other
// client's value has a ratio in parentheses: below 1, ours is better.
// Usage: node test/bench/libvirt.ts [--rounds 7] [--scale 1] [--only TEXT]
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openConnection, proc } from '../../agent/libvirt/index.ts'
import { emptyDomainXml } from '../../agent/libvirt/testing/guest.ts'
import { type Host, startHost } from '../rig/host.ts'
import { createScratchDirectory } from '../rig/scratch.ts'
import {
  bareSocketArgv,
  type Client,
  eventSourceArgv,
  ownClientArgv,
  prepareRivals,
  startClient,
} from './libvirt/clients.ts'
import { formatFigures, listWorkloads, makeEventWorkload, volumeBytes, type Workload } from './libvirt/figures.ts'
import type { Cost } from './libvirt/worker.ts'

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
type CommandLines = [name: string, argv: string[] | undefined][]

/** Defines fifty domains, which stay off, a storage pool and a volume. Resolves to the UUID of one of the domains. */
async function prepareHost(host: Host): Promise<string> {
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

async function startClients(argvs: CommandLines, args: string[]): Promise<Clients> {
  const clients: Clients = new Map()
  for (const [name, argv] of argvs) if (argv) clients.set(name, await startClient([...argv, ...args]))
  return clients
}

function rotateOrder(clients: Clients, round: number): [string, Client][] {
  const list = [...clients]
  const first = round % list.length
  return [...list.slice(first), ...list.slice(0, first)]
}

/** The results of these rounds are dropped, because V8 still compiles code and the caches are cold. */
const warmUpRounds = 3

async function runRounds(workload: Workload, clients: Clients, once: (client: Client) => Promise<Cost>) {
  const results: Map<string, Cost>[] = []
  for (let round = 0; round < warmUpRounds + rounds; round += 1) {
    const result = new Map<string, Cost>()
    for (const [name, client] of rotateOrder(clients, round)) result.set(name, await once(client))
    if (round >= warmUpRounds) results.push(result)
  }
  for (const line of formatFigures(workload, results)) console.log(line)
}

async function closeClients(...groups: Clients[]): Promise<void> {
  for (const clients of groups) for (const client of clients.values()) await client.close()
}

async function benchCalls(argvs: CommandLines, args: [socket: string, uuid: string]): Promise<void> {
  const clients = await startClients(argvs, args)
  const bare = await startClients([['floor', bareSocketArgv]], args)
  for (const workload of listWorkloads(scale).filter(isSelected)) {
    const group = workload.name === 'libvirt.latency.version' ? new Map([...clients, ...bare]) : clients
    await runRounds(workload, group, (client) => client.run(workload.task))
  }
  await closeClients(clients, bare)
}

/** Starts client processes of its own, because a client that has registered for events may be slower afterwards. */
async function benchEvents(argvs: CommandLines, args: [socket: string, uuid: string]): Promise<void> {
  const workload = makeEventWorkload(Math.round(20_000 * scale))
  if (!isSelected(workload)) return
  const clients = await startClients(argvs, [...args, 'loop'])
  const source = await startClients([['flicker', eventSourceArgv]], args)
  await runRounds(workload, clients, async (client) => {
    await client.run({ task: 'listen' })
    const [result] = await Promise.all([client, ...source.values()].map((each) => each.run(workload.task)))
    if (!result) throw new Error('no client')
    return result
  })
  await closeClients(clients, source)
}

const isSelected = ({ name }: Workload): boolean => name.includes(values.only)

const dir = createScratchDirectory()
try {
  await using host = await startHost({ dir, name: 'bench', owned: true })
  const argvs: CommandLines = [['ours', ownClientArgv], ...Object.entries(await prepareRivals())]
  const uuid = await prepareHost(host)
  await benchCalls(argvs, [host.socket, uuid])
  await benchEvents(argvs, [host.socket, uuid])
} finally {
  rmSync(dir, { recursive: true, force: true })
}
