/**
 * Measures the agent's memory with real domains. The guests are idle: their disk is empty, so they cannot boot. For
 * comparison, measures libvirtd, and a kubelet with as many Pods.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findCondition, flavor, hypervisor, image, resourceDefOf, server } from '../../crds/index.ts'
import { createKube, type Kube } from '../../kube/client.ts'
import { runParallel } from '../../kube/testing/rig.ts'
import { type Cloud, startCloud } from '../rig/cloud.ts'
import { runCommand } from '../rig/process.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { startKubeletWithPods } from './kubelet.ts'
import type { Figure } from './measure-scale.ts'
import { memoryOf } from './process-stats.ts'
import { leanEnv, type Program } from './scale-cloud.ts'

export interface AgentMemoryOptions {
  dir: string
  program: Program
  domains: number
  log: (line: string) => void
}

const NAMESPACE = 'default'
const REST_MS = 60_000

export async function measureAgent({ dir, program, domains, log }: AgentMemoryOptions): Promise<Figure[]> {
  const file = program.main('agent')
  const env = program.isBuilt ? leanEnv : {}
  await using cloud = await startCloud({ dir, hosts: 1, owned: true, log, programs: { agent: { file, env } } })
  await using kube = await createKube({ kubeconfig: cloud.kubeconfig, userAgent: 'kubenova-scale' })
  const { pid } = cloud.service('agent-h1')
  await delay(REST_MS / 3)
  const empty = memoryOf(pid)
  await prepareHost(cloud, kube)
  await runParallel(domains, 4, async (i) => {
    const spec = { flavor: 'least', image: { name: 'blank' }, networks: [], configDrive: true }
    await kube.resource(resourceDefOf(server)).create({ metadata: { namespace: NAMESPACE, name: `s${i}` }, spec })
  })
  await waitUntilAllReady(kube, domains)
  log(`${domains} domains run`)
  await delay(REST_MS)
  const full = memoryOf(pid)
  const daemon = memoryOf(libvirtdPidOf(cloud))
  const { api, kubeconfig } = cloud.plane
  await using kubelet = await startKubeletWithPods({ dir, kubeconfig, api, pods: domains, log })
  if (kubelet) await delay(REST_MS)
  const kubeletFigures: Figure[] = kubelet
    ? [{ name: 'memory.kubelet.rest.rss', value: memoryOf(kubelet.pid).rss, unit: 'MB' }]
    : []
  return [
    { name: 'memory.agent.domains', value: domains, unit: 'servers' },
    { name: 'memory.agent.empty.rss', value: empty.rss, unit: 'MB' },
    { name: 'memory.agent.rest.rss', value: full.rss, unit: 'MB' },
    { name: 'memory.agent.rest.pss', value: full.pss, unit: 'MB' },
    { name: 'memory.agent.peak.rss', value: full.peak, unit: 'MB' },
    { name: 'memory.libvirtd.rest.rss', value: daemon.rss, unit: 'MB' },
    ...kubeletFigures,
  ]
}

async function prepareHost(cloud: Cloud, kube: Kube): Promise<void> {
  const images = join(cloud.host('h1').home, 'var/lib/kubenova/images')
  mkdirSync(images, { recursive: true })
  await runCommand(['qemu-img', 'create', '-q', '-f', 'qcow2', join(images, 'blank.qcow2'), '16M'])
  await kube.resource(resourceDefOf(hypervisor)).patch({ name: 'h1' }, { spec: { allocationRatios: { vcpu: 100 } } })
  await kube
    .resource(resourceDefOf(flavor))
    .create({ metadata: { name: 'least' }, spec: { vcpus: 1, ram: 32, disk: 0 } })
  const url = 'file:///var/lib/kubenova/images/blank.qcow2'
  await kube.resource(resourceDefOf(image)).create({
    metadata: { name: 'blank', namespace: NAMESPACE },
    spec: { url, format: 'qcow2' },
  })
}

async function waitUntilAllReady(kube: Kube, count: number): Promise<void> {
  const areAllReady = async (): Promise<boolean> => {
    const { items } = await kube.resource(resourceDefOf(server)).list({ namespace: NAMESPACE })
    return items.filter(({ status }) => findCondition(status?.conditions, 'Ready')?.status === 'True').length === count
  }
  await waitUntil(areAllReady, { what: `${count} servers to run`, deadline: 600_000, every: 1000 })
}

function libvirtdPidOf(cloud: Cloud): number {
  const state = JSON.parse(readFileSync(join(cloud.host('h1').home, 'host.json'), 'utf8')) as {
    libvirtd: { pid: number }
  }
  return state.libvirtd.pid
}
