import { type Resources, vmStates } from '../crds/index.ts'
import type { Clock } from '../kube/clock.ts'
import { defineGauge, type Metrics } from '../kube/metrics.ts'
import { keyOf } from '../kube/types.ts'
import { overdueStateOf, type TransientState, transientStateLimits } from './overdue.ts'
import type { Stores } from './stores.ts'
import type { Usage } from './usage.ts'

const servers = defineGauge(
  'kubenova_servers',
  'Servers, by their vmState; unknown: the controller has not seen the server yet.',
  ['vm_state'],
)
const overdueServers = defineGauge(
  'kubenova_servers_overdue',
  'Servers that have been in a transient state for too long.',
  ['state'],
)
const hypervisors = defineGauge('kubenova_hypervisors', 'Hypervisors, by whether they are up.', ['state'])
const capacity = defineGauge('kubenova_hypervisor_capacity', 'The capacity of a host: CPU threads, MiB, GiB.', [
  'host',
  'resource',
])
const used = defineGauge(
  'kubenova_hypervisor_used',
  'What the servers on a host use: virtual CPUs, MiB, GiB, servers.',
  ['host', 'resource'],
)
const addresses = defineGauge(
  'kubenova_network_addresses',
  'Addresses in the pools of a network, all its subnets together.',
  ['namespace', 'network', 'state'],
)

interface MetricSources extends Usage {
  stores: Pick<Stores, 'servers' | 'hypervisors' | 'networks'>
  clock: Pick<Clock, 'wall'>
}

export function exposeControllerMetrics(metrics: Metrics, sources: MetricSources): () => void {
  return metrics.onScrape(() => {
    countServers(metrics, sources)
    countHosts(metrics, sources)
    countAddresses(metrics, sources)
  })
}

function countServers(metrics: Metrics, { stores, clock }: MetricSources): void {
  const states = new Map<string, number>([...vmStates, 'unknown'].map((state) => [state, 0]))
  const overdueCounts = new Map(Object.keys(transientStateLimits).map((state) => [state as TransientState, 0]))
  const now = clock.wall().getTime()
  for (const server of stores.servers.cache.values()) {
    const state = server.status?.vmState ?? 'unknown'
    states.set(state, (states.get(state) ?? 0) + 1)
    const overdue = overdueStateOf(server, now)
    if (overdue) overdueCounts.set(overdue, (overdueCounts.get(overdue) ?? 0) + 1)
  }
  for (const [state, count] of states) metrics.set(servers, { vm_state: state }, count)
  for (const [state, count] of overdueCounts) metrics.set(overdueServers, { state }, count)
}

const resources = ['vcpus', 'ram', 'disk'] as const satisfies readonly (keyof Resources)[]

function countHosts(metrics: Metrics, { stores, ledger }: MetricSources): void {
  const all = [...stores.hypervisors.cache.values()]
  for (const state of ['up', 'down'])
    metrics.set(hypervisors, { state }, all.filter(({ status }) => status?.state === state).length)
  const samplesOf = (resourcesOf: (host: string) => Readonly<Resources> | undefined) =>
    all.flatMap(({ metadata: { name: host } }) =>
      resources.map((resource) => [{ host, resource }, resourcesOf(host)?.[resource] ?? 0] as const),
    )
  metrics.replace(
    capacity,
    samplesOf((name) => stores.hypervisors.cache.get(name)?.status?.capacity),
  )
  const serverCounts = all.map(({ metadata: { name: host } }) => {
    return [{ host, resource: 'servers' }, ledger.usageOf(host).servers] as const
  })
  metrics.replace(used, [...samplesOf((name) => ledger.usageOf(name)), ...serverCounts])
}

function countAddresses(metrics: Metrics, { stores, allocations }: MetricSources): void {
  const samples = [...stores.networks.cache.values()].flatMap(({ metadata, spec }) => {
    const { namespace = '', name: network } = metadata
    const table = allocations.tableOf(keyOf(metadata))
    const counts = spec.subnets.map((_, i) => table.subnetUsage(i))
    const sum = (figure: 'total' | 'used') => counts.reduce((all, count) => all + count[figure], 0)
    return (['total', 'used'] as const).map((state) => [{ namespace, network, state }, sum(state)] as const)
  })
  metrics.replace(addresses, samples)
}
