/**
 * A host as the scheduler sees it: the facts of its Hypervisor and its HostAggregates, prepared once so that a
 * placement only compares.
 */
import { findCondition, type HostAggregate, type Hypervisor, type Resources } from '../../crds/index.ts'
import { traitsFromCpuFeatures } from './traits.ts'

/** The resources that the servers on a host use. The ledger's own objects are live: they change with each claim. */
export interface HostUsage extends Readonly<Resources> {
  readonly servers: number
  /** Servers that are being built or otherwise load the host's disk: Nova's io_workload. */
  readonly ioOps: number
}

/** How much of one resource a host offers. */
export interface Limit {
  readonly total: number
  readonly reserved: number
  readonly ratio: number
  /** All servers together, overcommit included. */
  readonly limit: number
  /** One server alone: overcommit does not make a server larger than its host. */
  readonly maxPerServer: number
}
export type Limits = Readonly<Record<keyof Resources, Limit>>

/** The facts that many hosts share and that seldom change. Hosts of one class differ only in name, size and load. */
export interface HostClass {
  readonly disabled: boolean
  readonly disabledReason: string | undefined
  readonly forcedDown: boolean
  readonly up: boolean
  /** The agent has reported the host's capacity. */
  readonly hasCapacity: boolean
  /** The agent runs but cannot reach libvirtd. */
  readonly libvirtUnreachable: boolean
  readonly zone: string
  /** Metadata of all aggregates of the host: key → values. A value with commas counts as several values, as in Nova. */
  readonly metadata: ReadonlyMap<string, readonly string[]>
  readonly aggregates: readonly string[]
  /**
   * Weight multipliers that the host's aggregates override, by metadata key; undefined if there are none, which is
   * usual.
   */
  readonly multipliers: Readonly<Record<string, number>> | undefined
  readonly arch: string | undefined
  readonly domainType: 'kvm' | 'qemu' | undefined
  /** QEMU's version as Nova counts it: 7.2.1 is 7002001; 0 if unknown. */
  readonly version: number
  readonly libvirtVersion: string | undefined
  readonly machineTypes: readonly string[]
  readonly firmware: readonly string[]
  readonly diskBuses: readonly string[]
  readonly vifModels: readonly string[]
  readonly cpu: NonNullable<Hypervisor['status']>['cpu']
  readonly traits: ReadonlySet<string>
}

export interface HostView extends HostClass {
  readonly name: string
  /** undefined until the agent has reported the host's capacity. */
  readonly limits: Limits | undefined
  readonly maxServers: number | undefined
  readonly used: HostUsage
}

/** A text that is equal for hosts of the same class and differs for all others. */
export function hostClassKey(view: HostView): string {
  const facts = hostClassOf(view)
  // Traits are left out because they follow from the CPU.
  return JSON.stringify({ ...facts, metadata: [...facts.metadata], traits: undefined })
}

/** The facts that the host shares with the others of its class. */
export function hostClassOf(view: HostView): HostClass {
  const { name: _, limits: __, maxServers: ___, used: ____, ...facts } = view
  return facts
}

/** Nova's initial allocation ratios, used where spec.allocationRatios sets none. */
const DEFAULT_RATIOS = { vcpu: 4, ram: 1, disk: 1 }
/** Nova's default reserves, used where spec.reserved sets none. */
const DEFAULT_RESERVED: Resources = { vcpus: 0, ram: 512, disk: 0 }
/** The zone of a host that no aggregate puts into one. */
const DEFAULT_ZONE = 'nova'

/** Whether the host's agent has reported that it cannot reach libvirtd. */
export const isLibvirtUnreachable = ({ status }: Pick<Hypervisor, 'status'>): boolean =>
  findCondition(status?.conditions, 'Ready')?.reason === 'LibvirtUnreachable'

/**
 * Builds the view of a host.
 * @param aggregates the aggregates that name this host (see aggregatesByHost)
 * @param used the ledger's usage of this host; the view keeps the live object
 */
export function toHostView(hypervisor: Hypervisor, aggregates: readonly HostAggregate[], used: HostUsage): HostView {
  const { spec, status = {} } = hypervisor
  const metadata = mergeMetadata(aggregates)
  return {
    name: hypervisor.metadata.name,
    disabled: spec.disabled,
    disabledReason: spec.disabledReason,
    forcedDown: spec.forcedDown,
    up: status.state === 'up' && !spec.forcedDown,
    hasCapacity: status.capacity !== undefined,
    libvirtUnreachable: isLibvirtUnreachable(hypervisor),
    zone: zoneOf(aggregates) ?? DEFAULT_ZONE,
    metadata,
    aggregates: aggregates.map((a) => a.metadata.name),
    multipliers: multipliersFrom(metadata),
    limits: limitsOf(hypervisor),
    maxServers: spec.maxServers,
    arch: status.arch,
    domainType: status.domainType,
    version: parseVersion(status.qemuVersion),
    libvirtVersion: status.libvirtVersion,
    machineTypes: status.machineTypes ?? [],
    firmware: status.firmware ?? [],
    diskBuses: status.diskBuses ?? [],
    vifModels: status.vifModels ?? [],
    cpu: status.cpu,
    traits: traitsFromCpuFeatures(status.cpu?.features ?? []),
    used,
  }
}

function limitsOf({ spec, status }: Hypervisor): Limits | undefined {
  const capacity = status?.capacity
  if (capacity === undefined) return undefined
  const ratios = { ...DEFAULT_RATIOS, ...spec.allocationRatios }
  const reserved = { ...DEFAULT_RESERVED, ...spec.reserved }
  return {
    vcpus: toLimit(capacity.vcpus, reserved.vcpus, ratios.vcpu),
    ram: toLimit(capacity.ram, reserved.ram, ratios.ram),
    disk: toLimit(capacity.disk, reserved.disk, ratios.disk),
  }
}

/** The arithmetic of Nova's placement service: (total - reserved) × ratio, rounded down. */
export function toLimit(total: number, reserved: number, ratio: number): Limit {
  const maxPerServer = Math.max(0, total - reserved)
  return { total, reserved, ratio, limit: Math.floor(maxPerServer * ratio), maxPerServer }
}

/** The zone of the first aggregate, by name, that sets one. */
function zoneOf(aggregates: readonly HostAggregate[]): string | undefined {
  let first: HostAggregate | undefined
  for (const a of aggregates) {
    if (a.spec.availabilityZone === undefined) continue
    if (first === undefined || a.metadata.name < first.metadata.name) first = a
  }
  return first?.spec.availabilityZone
}

function mergeMetadata(aggregates: readonly HostAggregate[]): Map<string, string[]> {
  const merged = new Map<string, Set<string>>()
  for (const aggregate of aggregates) {
    for (const [key, value] of Object.entries(aggregate.spec.metadata ?? {})) {
      const values = merged.get(key) ?? new Set()
      for (const part of value.split(',')) values.add(part.trim())
      merged.set(key, values)
    }
  }
  return new Map([...merged].map(([key, values]) => [key, [...values].sort()]))
}

/** As in Nova, the smallest of several values counts; if one of them is not a number, the key is ignored. */
function multipliersFrom(metadata: ReadonlyMap<string, readonly string[]>): Record<string, number> | undefined {
  let found: Record<string, number> | undefined
  for (const [key, values] of metadata) {
    if (!key.endsWith('_weight_multiplier')) continue
    const numbers = values.map((v) => (v === '' ? Number.NaN : Number(v)))
    if (numbers.every(Number.isFinite)) found = { ...found, [key]: Math.min(...numbers) }
  }
  return found
}

/** '7.2.1' → 7002001, as Nova and libvirt count versions; 0 if the text is not a version. */
export function parseVersion(text: string | undefined): number {
  const m = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? '')
  return m ? Number(m[1]) * 1_000_000 + Number(m[2]) * 1000 + Number(m[3] ?? 0) : 0
}

/** Maps each host name to the aggregates that name it, in the order of the aggregates' names. */
export function aggregatesByHost(aggregates: Iterable<HostAggregate>): Map<string, HostAggregate[]> {
  const found = new Map<string, HostAggregate[]>()
  const ordered = [...aggregates].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  for (const aggregate of ordered) {
    for (const host of new Set(aggregate.spec.hosts)) {
      const list = found.get(host)
      if (list) list.push(aggregate)
      else found.set(host, [aggregate])
    }
  }
  return found
}
