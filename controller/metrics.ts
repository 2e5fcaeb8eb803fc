/** What the controller knows of the cloud as metrics, counted when they are asked for: statistics are not written into status. */
import { type Resources, vmStates } from '../crds/index.ts'
import type { Clock } from '../kube/clock.ts'
import { defineGauge, type Metrics } from '../kube/metrics.ts'
import { keyOf } from '../kube/types.ts'
import type { Derived } from './derived.ts'
import { limits, overdue, type Passing } from './overdue.ts'
import type { Stores } from './stores.ts'

const servers = defineGauge('kubenova_servers', 'Servers, by their vmState; unknown: not looked at yet.', ['vm_state'])
const late = defineGauge(
  'kubenova_servers_overdue',
  'Servers that are in a passing state for longer than it may last.',
  ['state'],
)
const hypervisors = defineGauge('kubenova_hypervisors', 'Hypervisors, by whether they are up.', ['state'])
const capacity = defineGauge('kubenova_hypervisor_capacity', 'What a host has: CPU threads, MiB, GiB.', [
  'host',
  'resource',
])
const used = defineGauge('kubenova_hypervisor_used', 'What is promised of a host: virtual CPUs, MiB, GiB, servers.', [
  'host',
  'resource',
])
const addresses = defineGauge(
  'kubenova_network_addresses',
  'Addresses in the pools of a network, all its subnets together.',
  ['namespace', 'network', 'state'],
)

export interface Measured extends Derived {
  stores: Pick<Stores, 'servers' | 'hypervisors' | 'networks'>
  clock: Pick<Clock, 'wall'>
}

/** Answers each scrape until the returned function is called. */
export function measure(metrics: Metrics, measured: Measured): () => void {
  return metrics.onScrape(() => {
    countServers(metrics, measured)
    countHosts(metrics, measured)
    countAddresses(metrics, measured)
  })
}

function countServers(metrics: Metrics, { stores, clock }: Measured): void {
  const states = new Map<string, number>([...vmStates, 'unknown'].map((state) => [state, 0]))
  const overdues = new Map<Passing, number>(Object.keys(limits).map((state) => [state as Passing, 0]))
  const now = clock.wall().getTime()
  for (const server of stores.servers.cache.values()) {
    const state = server.status?.vmState ?? 'unknown'
    states.set(state, (states.get(state) ?? 0) + 1)
    const over = overdue(server, now)
    if (over) overdues.set(over, (overdues.get(over) ?? 0) + 1)
  }
  for (const [state, count] of states) metrics.set(servers, { vm_state: state }, count)
  for (const [state, count] of overdues) metrics.set(late, { state }, count)
}

const resources = ['vcpus', 'ram', 'disk'] as const satisfies readonly (keyof Resources)[]

function countHosts(metrics: Metrics, { stores, ledger }: Measured): void {
  const all = [...stores.hypervisors.cache.values()]
  for (const state of ['up', 'down'])
    metrics.set(hypervisors, { state }, all.filter(({ status }) => status?.state === state).length)
  const each = (of: (name: string) => Readonly<Resources> | undefined) =>
    all.flatMap(({ metadata: { name: host } }) =>
      resources.map((resource) => [{ host, resource }, of(host)?.[resource] ?? 0] as const),
    )
  metrics.replace(
    capacity,
    each((name) => stores.hypervisors.cache.get(name)?.status?.capacity),
  )
  const held = all.map(({ metadata: { name: host } }) => {
    return [{ host, resource: 'servers' }, ledger.usageOf(host).servers] as const
  })
  metrics.replace(used, [...each((name) => ledger.usageOf(name)), ...held])
}

function countAddresses(metrics: Metrics, { stores, allocations }: Measured): void {
  const samples = [...stores.networks.cache.values()].flatMap(({ metadata, spec }) => {
    const { namespace = '', name: network } = metadata
    const table = allocations.tableOf(keyOf(metadata))
    const counts = spec.subnets.map((_, i) => table.subnetUsage(i))
    const sum = (figure: 'total' | 'used') => counts.reduce((all, count) => all + count[figure], 0)
    return (['total', 'used'] as const).map((state) => [{ namespace, network, state }, sum(state)] as const)
  })
  metrics.replace(addresses, samples)
}
