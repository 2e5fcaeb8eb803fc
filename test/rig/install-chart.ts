import { chartFolder, Helm } from '../chart/helm.ts'
import type { PodCloud } from './pod-cloud.ts'

const NAMESPACE = 'kubenova-system'
export const inNamespace = ['--namespace', NAMESPACE] as const

/**
 * Labels all nodes as hypervisors, and installs or upgrades the chart. Resolves when all Pods are ready and each node
 * is a Ready Hypervisor.
 * @param flags more arguments for `helm upgrade --install`
 */
export const installChart = (cloud: PodCloud, helm: Helm, ...flags: string[]): Promise<void> =>
  installChartFrom(chartFolder, cloud, helm, ...flags)

/** Does what installChart() does, with the chart in `folder`. */
export async function installChartFrom(folder: string, cloud: PodCloud, helm: Helm, ...flags: string[]): Promise<void> {
  const names = [...cloud.hosts.keys()]
  const kubectl = (...args: string[]): Promise<string> => cloud.plane.kubectl(...args)
  await kubectl('label', 'node', ...names, 'compute.kubenova.io/hypervisor=true', '--overwrite')
  const install = ['upgrade', '--install', 'kubenova', folder, ...inNamespace, '--create-namespace', '--wait']
  await helm.run(...install, '--timeout=110s', ...flags)
  // For a DaemonSet, `helm --wait` accepts Pods that are not ready, up to maxUnavailable of them.
  await kubectl(...inNamespace, 'rollout', 'status', 'daemonset/kubenova-agent', '--timeout=60s')
  const hypervisors = names.map((name) => `hypervisor/${name}`)
  for (const condition of ['create', 'condition=Ready'])
    await kubectl('wait', `--for=${condition}`, ...hypervisors, '--timeout=60s')
}
