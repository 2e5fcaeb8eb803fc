/**
 * A second, slow implementation of placement, to test the scheduler against. It shares no code with the scheduler: its
 * rules and weights are written from Nova's documentation. It handles only the hosts and requests of arbitrary.ts.
 */
import type { PlacementRequest } from '../request.ts'
import type { HostOverrides } from '../testing.ts'

interface Facts {
  readonly name: string
  readonly up: boolean
  readonly zone: string
  readonly hasSsd: boolean
  /** QEMU's major version; 0 if unknown. */
  readonly qemuMajor: number
  readonly vcpus: number
  readonly ram: number
  readonly disk: number
  readonly maxServers: number
  readonly used: { vcpus: number; ram: number; disk: number; servers: number; ioOps: number }
  readonly ramMultiplier: number
}

/** The values of makeHypervisor's default host. */
const defaults = { state: 'up', vcpus: 16, ram: 32_768, disk: 500, maxServers: Infinity }

function factsOf(name: string, overrides: HostOverrides): Facts {
  const host = { ...defaults, qemuVersion: overrides.unreported ? '' : '8.2.0', ...overrides }
  const { availabilityZone: zone = 'nova', metadata = {} } = overrides.aggregates?.[0]?.spec ?? {}
  return {
    name,
    up: host.state === 'up' && !host.disabled && !host.unreported,
    zone,
    hasSsd: metadata['ssd'] === 'true',
    qemuMajor: Number(host.qemuVersion.split('.')[0]),
    vcpus: host.vcpus,
    ram: Math.max(0, host.ram - 512),
    disk: host.disk,
    maxServers: host.maxServers,
    used: { vcpus: 0, ram: 0, disk: 0, servers: 0, ioOps: 0, ...host.used },
    ramMultiplier: metadata['ram_weight_multiplier'] === '-1' ? -1 : 1,
  }
}

/**
 * The rules are in the order of the filters. `summary` must match the scheduler's reason for a host that breaks the
 * rule.
 */
const rules: readonly [summary: RegExp, passes: (request: PlacementRequest, host: Facts) => boolean][] = [
  [/^(disabled|down|not ready)$/, (_, h) => h.up],
  [/^in another availability zone$/, (r, h) => r.availabilityZone === undefined || r.availabilityZone === h.zone],
  [/^tried before$/, (r, h) => !r.ignoreHosts?.includes(h.name)],
  [
    /^not the host of a server in schedulerHints\.sameHost$/,
    (r, h) => r.sameHost === undefined || r.sameHost.hosts.length === 0 || r.sameHost.hosts.includes(h.name),
  ],
  [
    /^the host of a server in schedulerHints\.differentHost$/,
    (r, h) => r.differentHost?.hosts.includes(h.name) !== true,
  ],
  [/^in no aggregate/, (r, h) => !extraSpec(r, 'aggregate_instance_extra_specs:ssd') || h.hasSsd],
  [
    /^without what the image asks for$/,
    (r, h) => !r.image.properties?.['img_hv_requested_version'] || h.qemuMajor === 0 || h.qemuMajor >= 8,
  ],
  [/^without a capability/, (r, h) => !extraSpec(r, 'capabilities:num_instances') || h.used.servers <= 2],
  [/^at maxServers$/, (_, h) => h.used.servers < h.maxServers],
  [/^too (little|small in) memory$/, (r, h) => r.flavor.ram <= h.ram && h.used.ram + r.flavor.ram <= h.ram],
  [
    /^too (few vCPUs|small in CPU threads)$/,
    (r, h) =>
      extraSpec(r, 'resources:VCPU') === '0' ||
      (r.flavor.vcpus <= h.vcpus && h.used.vcpus + r.flavor.vcpus <= 4 * h.vcpus),
  ],
  [/^too (little|small in) disk$/, (r, h) => r.flavor.disk === 0 || h.used.disk + r.flavor.disk <= h.disk],
]

const extraSpec = (request: PlacementRequest, key: string): string | undefined => request.flavor.extraSpecs?.[key]

/** The names of the hosts that can take the server, best first: by weight, and by name if weights are equal. */
export function referenceOrder(request: PlacementRequest, hosts: readonly [string, HostOverrides][]): string[] {
  const able = hosts
    .map(([name, overrides]) => factsOf(name, overrides))
    .filter((host) => rules.every(([, passes]) => passes(request, host)))
  const weights = new Map(able.map(({ name }, i) => [name, weightOf(able, i)]))
  return able.map(({ name }) => name).sort((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0) || (a < b ? -1 : 1))
}

/**
 * The number of hosts that the scheduler's message must state for each reason. The keys are the regular expressions in
 * `rules`.
 */
export function referenceReasons(
  request: PlacementRequest,
  hosts: readonly [string, HostOverrides][],
): Map<RegExp, number> {
  const counts = new Map<RegExp, number>()
  for (const [name, overrides] of hosts) {
    const failed = rules.find(([, passes]) => !passes(request, factsOf(name, overrides)))
    if (failed) counts.set(failed[0], (counts.get(failed[0]) ?? 0) + 1)
  }
  return counts
}

function weightOf(hosts: readonly Facts[], i: number): number {
  const multiplier = hosts[i]?.ramMultiplier ?? 1
  let weight = multiplier * share(hosts, i, (h) => Math.max(0, h.ram - h.used.ram), 0)
  weight += share(hosts, i, (h) => Math.max(0, h.vcpus * 4 - h.used.vcpus), 0)
  weight += share(hosts, i, (h) => Math.max(0, h.disk - h.used.disk), 0)
  weight -= share(hosts, i, (h) => h.used.ioOps, 0)
  return weight + share(hosts, i, (h) => (h.qemuMajor === 7 ? 7_002_000 : h.qemuMajor === 8 ? 8_002_000 : 0))
}

/**
 * Scales the value of host `i`: 0 stands for the least value of all hosts (or `low`, if given), 1 for the greatest. The
 * result is 0 if these two are equal.
 */
function share(hosts: readonly Facts[], i: number, valueOf: (host: Facts) => number, low?: number): number {
  const values = hosts.map(valueOf)
  const from = low ?? Math.min(...values)
  const range = Math.max(...values) - from
  return range > 0 ? ((values[i] ?? 0) - from) / range : 0
}
