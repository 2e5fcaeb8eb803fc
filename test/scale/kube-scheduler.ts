/**
 * Measures kube-scheduler, to compare our scheduler with it: in KubeVirt, kube-scheduler places the virtual machines.
 * Pods and Nodes are as large as our Servers and hosts.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import { type Namespace, namespaces } from '../../kube/builtin-kinds.ts'
import { isAlreadyExists } from '../../kube/errors.ts'
import { runParallel } from '../../kube/testing/rig.ts'
import type { KubeObject, ObjectMeta, ResourceDef } from '../../kube/types.ts'
import { ensureBinaries } from '../rig/binaries.ts'
import { freePorts } from '../rig/ports.ts'
import { endProcess, spawnMarked } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { measureBacklog, type PlacingSpeed } from './backlog.ts'
import { type Memory, memoryOf } from './process-stats.ts'
import type { ScaleCloud } from './scale-cloud.ts'

const coreResource = (plural: string, kind: string, namespaced: boolean): ResourceDef => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
})
const NAMESPACE = 'pods'
const REST_MS = 30_000

interface Pod extends KubeObject {
  metadata: ObjectMeta
  spec: { nodeName?: string; containers: object[] }
}
interface Node extends KubeObject {
  metadata: ObjectMeta
  spec?: object
  status?: object
}

const timestamp = (): string => new Date().toISOString()

export async function measureKubeScheduler(
  cloud: ScaleCloud,
  dir: string,
  nodes: number,
  pods: number,
): Promise<PlacingSpeed> {
  await prepareCluster(cloud, nodes)
  const api = podResource(cloud)
  await runParallel(pods, 32, (i) => api.create(makePod(`p${i}`)))
  const scheduler = await Scheduler.prepare(cloud, dir)
  try {
    return await measureBacklog(api, isBound, pods, () => scheduler.start())
  } finally {
    await scheduler.stop()
  }
}

export async function measureKubeSchedulerAtRest(
  cloud: ScaleCloud,
  dir: string,
  nodes: number,
  pods: number,
): Promise<Memory> {
  await prepareCluster(cloud, nodes)
  const api = podResource(cloud)
  await runParallel(pods, 32, (i) => api.create(makePod(`p${i}`, `node-${i % nodes}`)))
  const scheduler = await Scheduler.prepare(cloud, dir)
  try {
    const pid = await scheduler.start()
    // kube-scheduler binds no Pod before its caches are full. So the memory is measured only after the Pod `last` is
    // bound.
    const { metadata } = await api.create(makePod('last'))
    await waitUntil(async () => isBound(await api.get(metadata)), {
      what: 'the last Pod to be bound',
      deadline: 120_000,
    })
    await delay(REST_MS)
    return memoryOf(pid)
  } finally {
    await scheduler.stop()
  }
}

const podResource = ({ kube }: ScaleCloud) => kube.resource<Pod>(coreResource('pods', 'Pod', true))
const isBound = ({ spec }: Pod): boolean => spec.nodeName !== undefined

async function prepareCluster(cloud: ScaleCloud, nodes: number): Promise<void> {
  const { kube } = cloud
  await createNodes(cloud, nodes)
  await kube
    .resource<Namespace>(namespaces)
    .create({ metadata: { name: NAMESPACE } })
    .catch(ignoreAlreadyExists)
  // Usually kube-controller-manager creates the service account, but none runs here.
  const account = { metadata: { name: 'default', namespace: NAMESPACE } }
  await kube
    .resource(coreResource('serviceaccounts', 'ServiceAccount', true))
    .create(account)
    .catch(ignoreAlreadyExists)
}

function ignoreAlreadyExists(error: unknown): void {
  if (!isAlreadyExists(error)) throw error
}

/** As much as a Server of projects.ts takes: 512 MiB and 1 vCPU, which is 250m at the allocation ratio of 4. */
const containers = [{ name: 'c', image: 'none', resources: { requests: { cpu: '250m', memory: '512Mi' } } }]
const makePod = (name: string, nodeName?: string) => ({
  metadata: { name, namespace: NAMESPACE },
  spec: { containers, ...(nodeName === undefined ? {} : { nodeName }) },
})

/** As large as the hosts in simulated-host.ts. */
async function createNodes({ kube }: ScaleCloud, count: number): Promise<void> {
  const api = kube.resource<Node>(coreResource('nodes', 'Node', false))
  const allocatable = { cpu: '64', memory: '256Gi', pods: '1000' }
  await runParallel(count, 32, async (i) => {
    const name = `node-${i}`
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'Simulated',
      lastHeartbeatTime: timestamp(),
      lastTransitionTime: timestamp(),
    }
    const status = { capacity: allocatable, allocatable, conditions: [ready] }
    await api.create({ metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec: {} })
    await api.patch({ name }, { status }, { subresource: 'status' })
    // The API server taints each new Node as not-ready. Usually the node lifecycle controller removes the taint, but
    // none runs here.
    await api.patch({ name }, { spec: { taints: [] } })
  })
}

class Scheduler {
  readonly #argv: readonly string[]
  readonly #dir: string
  #running: Awaited<ReturnType<typeof spawnMarked>> | undefined

  private constructor(argv: readonly string[], dir: string) {
    this.#argv = argv
    this.#dir = dir
  }

  static async prepare({ plane }: ScaleCloud, dir: string): Promise<Scheduler> {
    const binaries = await ensureBinaries(['kube-scheduler'])
    const [port = 0] = await freePorts('127.0.0.1', 1)
    const config = join(dir, 'kube-scheduler.yaml')
    // By default, kube-scheduler's client sends at most 50 requests a second.
    const clientConnection = { kubeconfig: plane.kubeconfig, qps: 5000, burst: 5000 }
    writeFileSync(
      config,
      stringify({
        apiVersion: 'kubescheduler.config.k8s.io/v1',
        kind: 'KubeSchedulerConfiguration',
        leaderElection: { leaderElect: false },
        clientConnection,
      }),
    )
    const flags = [`--config=${config}`, '--bind-address=127.0.0.1', `--secure-port=${port}`, `--cert-dir=${dir}`]
    return new Scheduler([binaries['kube-scheduler'], ...flags], dir)
  }

  async start(): Promise<number> {
    this.#running = await spawnMarked(this.#argv, {
      dir: this.#dir,
      log: join(this.#dir, 'kube-scheduler.log'),
      owned: true,
    })
    return this.#running.pid
  }

  async stop(): Promise<void> {
    if (this.#running) await endProcess(this.#running)
  }
}
