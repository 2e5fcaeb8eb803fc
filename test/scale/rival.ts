/** kube-scheduler, by which KubeVirt places its machines: Pods of the same sizes on Nodes of the same sizes, on the same API server. */
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
import { type Backlog, drain } from './backlog.ts'
import { type Memory, memoryOf } from './proc.ts'
import type { Stage } from './stage.ts'

const core = (plural: string, kind: string, namespaced: boolean): ResourceDef => ({
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

const now = (): string => new Date().toISOString()

export async function kubeScheduler(stage: Stage, dir: string, nodes: number, pods: number): Promise<Backlog> {
  await prepare(stage, nodes)
  const api = podsOf(stage)
  await runParallel(pods, 32, (i) => api.create(pod(`p${i}`)))
  const scheduler = await Scheduler.prepare(stage, dir)
  try {
    return await drain(api, isBound, pods, () => scheduler.start())
  } finally {
    await scheduler.stop()
  }
}

/** Its memory when so many Pods are bound and nothing is to be done. */
export async function kubeSchedulerAtRest(stage: Stage, dir: string, nodes: number, pods: number): Promise<Memory> {
  await prepare(stage, nodes)
  const api = podsOf(stage)
  await runParallel(pods, 32, (i) => api.create(pod(`p${i}`, `node-${i % nodes}`)))
  const scheduler = await Scheduler.prepare(stage, dir)
  try {
    const pid = await scheduler.start()
    // It places nothing before its caches are full.
    const { metadata } = await api.create(pod('last'))
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

const podsOf = ({ kube }: Stage) => kube.resource<Pod>(core('pods', 'Pod', true))
const isBound = ({ spec }: Pod): boolean => spec.nodeName !== undefined

/** Nodes, and what Pods need to be there. */
async function prepare(stage: Stage, nodes: number): Promise<void> {
  const { kube } = stage
  await makeNodes(stage, nodes)
  await kube
    .resource<Namespace>(namespaces)
    .create({ metadata: { name: NAMESPACE } })
    .catch(unlessThere)
  // No controller manager is there to make it.
  const account = { metadata: { name: 'default', namespace: NAMESPACE } }
  await kube
    .resource(core('serviceaccounts', 'ServiceAccount', true))
    .create(account)
    .catch(unlessThere)
}

function unlessThere(error: unknown): void {
  if (!isAlreadyExists(error)) throw error
}

/** As projects.ts has it for servers: 1 CPU, 512 MiB. */
const containers = [{ name: 'c', image: 'none', resources: { requests: { cpu: '250m', memory: '512Mi' } } }]
const pod = (name: string, nodeName?: string) => ({
  metadata: { name, namespace: NAMESPACE },
  spec: { containers, ...(nodeName === undefined ? {} : { nodeName }) },
})

/** As simulated-host.ts has it for hosts. */
async function makeNodes({ kube }: Stage, count: number): Promise<void> {
  const api = kube.resource<Node>(core('nodes', 'Node', false))
  const allocatable = { cpu: '64', memory: '256Gi', pods: '1000' }
  await runParallel(count, 32, async (i) => {
    const name = `node-${i}`
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'Simulated',
      lastHeartbeatTime: now(),
      lastTransitionTime: now(),
    }
    const status = { capacity: allocatable, allocatable, conditions: [ready] }
    await api.create({ metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec: {} })
    await api.patch({ name }, { status }, { subresource: 'status' })
    // Every Node begins with the taint not-ready; a controller that is not here would take it away.
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

  static async prepare({ plane }: Stage, dir: string): Promise<Scheduler> {
    const binaries = await ensureBinaries(['kube-scheduler'])
    const [port = 0] = await freePorts('127.0.0.1', 1)
    const config = join(dir, 'kube-scheduler.yaml')
    // Without a limit of its own: its default is 50 requests a second.
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
