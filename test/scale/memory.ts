/** The controller's memory: empty, full, and after some work. */
import { setTimeout as delay } from 'node:timers/promises'
import { findCondition, resourceDefOf, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { runParallel } from '../../kube/testing/rig.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { hostNameOf } from './fleet.ts'
import { keepHosts } from './hosts.ts'
import type { Figure } from './measure.ts'
import { multiply } from './multiply.ts'
import { memoryOf } from './proc.ts'
import { makeProjects, makeServer, serverDraft } from './projects.ts'
import { kubeSchedulerAtRest } from './rival.ts'
import { leanFlags, type Program, type Stage, startStage } from './stage.ts'

export interface MemoryOptions {
  dir: string
  program: Program
  servers: number
  hosts: number
  log: (line: string) => void
}

/** A busy machine's API server may take longer than a leader's usual patience. */
const patience = ['--lease-seconds', '240']
const LIKE = 'web'
const REST_MS = 30_000
/** Servers that are changed one after the other, so that the controller has something to do. */
const CHANGES = 1000

export async function measureController(options: MemoryOptions): Promise<Figure[]> {
  const { dir, program, servers, hosts, log } = options
  const nodeFlags = program.isBuilt ? leanFlags : []
  await using stage = await startStage({ dir, hosts: 1, program, nodeFlags, log })
  const [namespace = ''] = await makeProjects(stage.kube, 1)
  await stage.startController(...patience)
  await stage.startFleets()
  await makeServer(stage.kube, serverDraft(namespace, LIKE))
  await readyOne(stage.kube, namespace)
  const empty = memoryOf(stage.part('controller').pid)
  await stage.end('fleet-1')
  await stage.end('controller')
  await multiply({ dir, namespace, like: LIKE, count: servers, hostOf: (i) => hostNameOf(1 + (i % hosts)) })
  // It reads them in one go, rather than as ten thousand events one after the other.
  await stage.plane.restart('kube-apiserver')
  log(`${servers} servers are in etcd`)
  const stop = new AbortController()
  try {
    await keepHosts(stage.kube, hosts, stop.signal)
    const begin = performance.now()
    const { pid } = await stage.startController(...patience)
    const start = (performance.now() - begin) / 1000
    await delay(REST_MS)
    const rest = memoryOf(pid)
    await work(stage, namespace, servers)
    await delay(REST_MS)
    stage.mustLive()
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

/** What else places guests in a cluster, with as many: kube-scheduler. */
export async function measureScheduler({
  dir,
  servers,
  hosts,
  log,
}: Omit<MemoryOptions, 'program'>): Promise<Figure[]> {
  await using stage = await startStage({ dir, hosts, log })
  const { rss } = await kubeSchedulerAtRest(stage, dir, hosts, servers)
  return [{ name: 'memory.kube_scheduler.rest.rss', value: rss, unit: 'MB' }]
}

async function readyOne(kube: Kube, namespace: string): Promise<void> {
  const look = async (): Promise<boolean> => {
    const { status } = await kube.resource(resourceDefOf(server)).get({ namespace, name: LIKE })
    return findCondition(status?.conditions, 'Ready')?.status === 'True'
  }
  await waitUntil(look, { what: 'one server to be ready', deadline: 120_000, every: 200 })
}

/** Changes that each bring a server to the controller's queue. */
async function work({ kube }: Stage, namespace: string, count: number): Promise<void> {
  await runParallel(Math.min(CHANGES, count), 16, (i) =>
    kube.resource(resourceDefOf(server)).patch({ namespace, name: `${LIKE}${i}` }, { spec: { tags: [`t${i}`] } }),
  )
}
