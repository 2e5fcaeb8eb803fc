import { setTimeout as delay } from 'node:timers/promises'
import { cpuSeconds, memoryOf } from './process-stats.ts'
import { createProjects } from './projects.ts'
import { type Program, type ScaleCloud, startScaleCloud } from './scale-cloud.ts'
import { runStorm } from './storm.ts'

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
  unit: 'servers' | 'hosts' | 'servers/s' | 'requests/s' | 'writes' | 's' | 'ms' | 'MB'
}

/**
 * The cloud rests for this time before its memory is measured. During this time the garbage of the creations is
 * collected, so the measured memory is that of an idle cloud.
 */
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
  await using cloud = await startScaleCloud({ dir, hosts, program, log })
  const controller = await cloud.startController('--lease-seconds', '240')
  const empty = memoryOf(controller.pid)
  await cloud.startFleets()
  log(`${hosts} hosts are up`)
  const namespaces = await createProjects(cloud.kube, projects)
  const before = { writes: await countControllerWrites(cloud), cpu: cpuSeconds(controller.pid) }
  const { created, placed, ready, waits } = await runStorm({
    kube: cloud.kube,
    projects: namespaces,
    servers,
    atOnce,
    signal: stop.signal,
    log,
  })
  const cost = {
    writes: (await countControllerWrites(cloud)) - before.writes,
    cpu: cpuSeconds(controller.pid) - before.cpu,
  }
  await delay(REST_MS)
  cloud.assertAllAlive()
  const memory = memoryOf(controller.pid)
  const fleets = [...cloud.processes.values()].filter(({ name }) => name.startsWith('fleet'))
  const agents = fleets.reduce((sum, { pid }) => sum + memoryOf(pid).rss, 0)
  const quantileOfWaits = (q: number): number =>
    waits[Math.min(waits.length - 1, Math.floor(waits.length * q))] ?? Number.NaN
  return [
    { name: 'scale.hosts', value: hosts, unit: 'hosts' },
    { name: 'scale.servers', value: servers, unit: 'servers' },
    { name: 'scale.created_per_second', value: servers / created, unit: 'servers/s' },
    { name: 'scale.placed_per_second', value: servers / placed, unit: 'servers/s' },
    { name: 'scale.ready_per_second', value: servers / ready, unit: 'servers/s' },
    { name: 'scale.wait_for_place.p50', value: quantileOfWaits(0.5), unit: 'ms' },
    { name: 'scale.wait_for_place.p99', value: quantileOfWaits(0.99), unit: 'ms' },
    { name: 'scale.controller.writes_per_server', value: cost.writes / servers, unit: 'writes' },
    { name: 'scale.controller.cpu_per_server', value: (cost.cpu / servers) * 1000, unit: 'ms' },
    { name: 'scale.controller.rss.empty', value: empty.rss, unit: 'MB' },
    { name: 'scale.controller.rss.rest', value: memory.rss, unit: 'MB' },
    { name: 'scale.controller.rss.peak', value: memory.peak, unit: 'MB' },
    { name: 'scale.agents.rss.sum', value: agents, unit: 'MB' },
  ]
}

/** Includes the renewals of the controller's Lease every few seconds. */
async function countControllerWrites(cloud: ScaleCloud): Promise<number> {
  const lines = (await cloud.metrics()).split('\n').filter((line) => line.startsWith('rest_client_requests_total{'))
  const counted = lines.filter((line) => !line.includes('method="GET"'))
  return counted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
