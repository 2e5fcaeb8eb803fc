/** One run at scale, and its figures. */
import { setTimeout as delay } from 'node:timers/promises'
import { cpuSeconds, memoryOf } from './proc.ts'
import { makeProjects } from './projects.ts'
import { type Program, type Stage, startStage } from './stage.ts'
import { storm } from './storm.ts'

export interface ScaleOptions {
  dir: string
  program: Program
  hosts: number
  servers: number
  projects: number
  atOnce: number
  log: (line: string) => void
}

export interface Figure {
  name: string
  value: number
  unit: 'servers' | 'hosts' | 'servers/s' | 'writes' | 's' | 'ms' | 'MB'
}

/** Memory at rest: what a burst left behind has been collected by then. */
const REST_MS = 20_000

export async function measureScale({
  dir,
  program,
  hosts,
  servers,
  projects,
  atOnce,
  log,
}: ScaleOptions): Promise<Figure[]> {
  const stop = new AbortController()
  await using stage = await startStage({ dir, hosts, program, log })
  const controller = await stage.startController('--lease-seconds', '240')
  const empty = memoryOf(controller.pid)
  await stage.startFleets()
  log(`${hosts} hosts are up`)
  const namespaces = await makeProjects(stage.kube, projects)
  const before = { writes: await writes(stage), cpu: cpuSeconds(controller.pid) }
  const { created, placed, ready, waits } = await storm({
    kube: stage.kube,
    projects: namespaces,
    servers,
    atOnce,
    signal: stop.signal,
    log,
  })
  const cost = { writes: (await writes(stage)) - before.writes, cpu: cpuSeconds(controller.pid) - before.cpu }
  await delay(REST_MS)
  stage.mustLive()
  const memory = memoryOf(controller.pid)
  const fleets = [...stage.parts.values()].filter(({ name }) => name.startsWith('fleet'))
  const agents = fleets.reduce((sum, { pid }) => sum + memoryOf(pid).rss, 0)
  const at = (q: number): number => waits[Math.min(waits.length - 1, Math.floor(waits.length * q))] ?? Number.NaN
  return [
    { name: 'scale.hosts', value: hosts, unit: 'hosts' },
    { name: 'scale.servers', value: servers, unit: 'servers' },
    { name: 'scale.created_per_second', value: servers / created, unit: 'servers/s' },
    { name: 'scale.placed_per_second', value: servers / placed, unit: 'servers/s' },
    { name: 'scale.ready_per_second', value: servers / ready, unit: 'servers/s' },
    { name: 'scale.wait_for_place.p50', value: at(0.5), unit: 'ms' },
    { name: 'scale.wait_for_place.p99', value: at(0.99), unit: 'ms' },
    { name: 'scale.controller.writes_per_server', value: cost.writes / servers, unit: 'writes' },
    { name: 'scale.controller.cpu_per_server', value: (cost.cpu / servers) * 1000, unit: 'ms' },
    { name: 'scale.controller.rss.empty', value: empty.rss, unit: 'MB' },
    { name: 'scale.controller.rss.rest', value: memory.rss, unit: 'MB' },
    { name: 'scale.controller.rss.peak', value: memory.peak, unit: 'MB' },
    { name: 'scale.agents.rss.sum', value: agents, unit: 'MB' },
  ]
}

/** Requests of the controller that changed something, leases included: it has one, renewed every few seconds. */
async function writes(stage: Stage): Promise<number> {
  const lines = (await stage.metrics()).split('\n').filter((line) => line.startsWith('rest_client_requests_total{'))
  const counted = lines.filter((line) => !line.includes('method="GET"'))
  return counted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
