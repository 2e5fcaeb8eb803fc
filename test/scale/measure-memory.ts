import { setTimeout as delay } from 'node:timers/promises'
import { findCondition, resourceDefOf, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { runParallel } from '../../kube/testing/rig.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { hostNameOf } from './fleet.ts'
import { keepHosts } from './idle-hosts.ts'
import { measureKubeSchedulerAtRest } from './kube-scheduler.ts'
import type { Figure } from './measure-scale.ts'
import { multiplyServer } from './multiply-server.ts'
import { memoryOf } from './process-stats.ts'
import { createProjects, createServer, serverDraft } from './projects.ts'
import { leanFlags, type Program, type ScaleCloud, startScaleCloud } from './scale-cloud.ts'

export interface MemoryOptions {
  dir: string
  program: Program
  servers: number
  hosts: number
  log: (line: string) => void
}

/** With the default duration, the controller could lose its Lease when a busy API server answers late. */
const longLease = ['--lease-seconds', '240']
const MODEL = 'web'
const REST_MS = 30_000
/** Maximum number of Servers to change, so that the controller has work. */
const CHANGES = 1000

export async function measureController(options: MemoryOptions): Promise<Figure[]> {
  const { dir, program, servers, hosts, log } = options
  const nodeFlags = program.isBuilt ? leanFlags : []
  await using cloud = await startScaleCloud({ dir, hosts: 1, program, nodeFlags, log })
  const [namespace = ''] = await createProjects(cloud.kube, 1)
  await cloud.startController(...longLease)
  await cloud.startFleets()
  await createServer(cloud.kube, serverDraft(namespace, MODEL))
  await waitUntilModelReady(cloud.kube, namespace)
  const empty = memoryOf(cloud.process('controller').pid)
  await cloud.end('fleet-1')
  await cloud.end('controller')
  await multiplyServer({ dir, namespace, model: MODEL, count: servers, hostOf: (i) => hostNameOf(1 + (i % hosts)) })
  // The new Servers were written to etcd directly. After a restart, the API server reads them in one list, instead of
  // through ten thousand watch events.
  await cloud.plane.restart('kube-apiserver')
  log(`${servers} servers are in etcd`)
  const stop = new AbortController()
  try {
    await keepHosts(cloud.kube, hosts, stop.signal)
    const begin = performance.now()
    const { pid } = await cloud.startController(...longLease)
    const start = (performance.now() - begin) / 1000
    await delay(REST_MS)
    const rest = memoryOf(pid)
    await changeServers(cloud, namespace, servers)
    await delay(REST_MS)
    cloud.assertAllAlive()
    const after = memoryOf(pid)
    return [
      { name: 'memory.controller.empty.rss', value: empty.rss, unit: 'MB' },
      { name: 'memory.controller.start', value: start, unit: 's' },
      { name: 'memory.controller.rest.rss', value: rest.rss, unit: 'MB' },
      { name: 'memory.controller.rest.pss', value: rest.pss, unit: 'MB' },
      { name: 'memory.controller.worked.rss', value: after.rss, unit: 'MB' },
      { name: 'memory.controller.peak.rss', value: after.peak, unit: 'MB' },
    ]
  } finally {
    stop.abort(new Error('all is measured'))
  }
}

export async function measureScheduler({
  dir,
  servers,
  hosts,
  log,
}: Omit<MemoryOptions, 'program'>): Promise<Figure[]> {
  await using cloud = await startScaleCloud({ dir, hosts, log })
  const { rss } = await measureKubeSchedulerAtRest(cloud, dir, hosts, servers)
  return [{ name: 'memory.kube_scheduler.rest.rss', value: rss, unit: 'MB' }]
}

async function waitUntilModelReady(kube: Kube, namespace: string): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    const { status } = await kube.resource(resourceDefOf(server)).get({ namespace, name: MODEL })
    return findCondition(status?.conditions, 'Ready')?.status === 'True'
  }
  await waitUntil(isReady, { what: 'one server to be ready', deadline: 120_000, every: 200 })
}

async function changeServers({ kube }: ScaleCloud, namespace: string, count: number): Promise<void> {
  await runParallel(Math.min(CHANGES, count), 16, (i) =>
    kube.resource(resourceDefOf(server)).patch({ namespace, name: `${MODEL}${i}` }, { spec: { tags: [`t${i}`] } }),
  )
}
