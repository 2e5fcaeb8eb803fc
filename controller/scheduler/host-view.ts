/**
 * The data of a Hypervisor and its HostAggregates that the scheduler uses, prepared once so that a placement only has
 * to compare.
 */
import { findCondition, type HostAggregate, type Hypervisor, isHostDown, type Resources } from '../../crds/index.ts'
import { traitsFromCpuFeatures } from './traits.ts'

/** The usage of a host. The ledger (ledger.ts) returns a live object, whose numbers change with the usage. */
export interface HostUsage extends Readonly<Resources> {
  readonly servers: number
  /** How many servers are being built or load the host's disk in another way (Nova's io_workload). */
  readonly ioOps: number
}

export interface Limit {
  readonly total: number
  readonly reserved: number
  readonly ratio: number
  /** How much all servers together can use: (total - reserved) × ratio. */
  readonly limit: number
  /** How much one server can use. The allocation ratio does not count: a server must not be larger than its host. */
  readonly maxPerServer: number
}
export type Limits = Readonly<Record<keyof Resources, Limit>>

/** Hosts of one class differ only in name, size, maxServers and usage. */
export interface HostClass {
  readonly disabled: boolean
  readonly disabledReason: string | undefined
  readonly forcedDown: boolean
  readonly up: boolean
  readonly hasCapacity: boolean
  /** The reason for which the agent reports that its host cannot run servers, such as LibvirtUnreachable. */
  readonly unusable: string | undefined
  /** Why the agent's version does not fit the controller's; undefined if it does. */
  readonly versionSkew: string | undefined
  readonly hasSealingKey: boolean
  readonly zone: string
  /**
   * The metadata of all aggregates that contain the host: each key with its values. As in Nova, commas separate values.
   */
  readonly metadata: ReadonlyMap<string, readonly string[]>
  readonly aggregates: readonly string[]
  /**
   * Weigher multipliers from the metadata of the host's aggregates, by metadata key; undefined if the metadata sets
   * none.
   */
  readonly multipliers: Readonly<Record<string, number>> | undefined
  readonly arch: string | undefined
  readonly domainType: 'kvm' | 'qemu' | undefined
  /** QEMU's version as Nova counts it, for example 7002001 for 7.2.1; 0 if unknown. */
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
  /** Undefined until the agent has reported the host's capacity. */
  readonly limits: Limits | undefined
  readonly maxServers: number | undefined
  readonly used: HostUsage
}

/** A text that is equal for two hosts exactly if they are of the same class. */
export function hostClassKey(view: HostView): string {
  const facts = hostClassOf(view)
  // The traits are left out because they follow from the CPU, which is part of the text.
  return JSON.stringify({ ...facts, metadata: [...facts.metadata], traits: undefined })
}

export function hostClassOf(view: HostView): HostClass {
  const { name: _, limits: __, maxServers: ___, used: ____, ...facts } = view
  return facts
}

/** Nova's initial allocation ratios, for resources that spec.allocationRatios does not set. */
const DEFAULT_RATIOS = { vcpu: 4, ram: 1, disk: 1 }
/** Nova's default reserves, for resources that spec.reserved does not set. */
const DEFAULT_RESERVED: Resources = { vcpus: 0, ram: 512, disk: 0 }
/** The zone of a host that no aggregate puts into a zone. */
const DEFAULT_ZONE = 'nova'

/** The reason for which the agent reports that its host cannot run servers. HostDown is the controller's. */
export function unusableReasonOf({ status }: Pick<Hypervisor, 'status'>): string | undefined {
  const ready = findCondition(status?.conditions, 'Ready')
  return ready?.status === 'False' && !isHostDown(ready) ? ready.reason : undefined
}

/** The message of the condition VersionSkew, which the controller writes (host/status.ts). */
export const findVersionSkew = ({ status }: Pick<Hypervisor, 'status'>): string | undefined =>
  findCondition(status?.conditions, 'VersionSkew')?.message

/**
 * @param aggregates the aggregates that contain this host (see aggregatesByHost)
 * @param used an object that the view keeps, because the ledger (ledger.ts) changes its numbers in place
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
    unusable: unusableReasonOf(hypervisor),
    versionSkew: findVersionSkew(hypervisor),
    hasSealingKey: status.sealingKey !== undefined,
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

/** As in Nova's placement service, the limit is (total - reserved) × ratio, rounded down. */
export function toLimit(total: number, reserved: number, ratio: number): Limit {
  const maxPerServer = Math.max(0, total - reserved)
  return { total, reserved, ratio, limit: Math.floor(maxPerServer * ratio), maxPerServer }
}

/** The zone of the first aggregate, by name, that sets a zone; undefined if none does. */
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

/**
 * The weigher multipliers by metadata key. As in Nova, the smallest of several values counts. A key with a value that
 * is not a number is ignored.
 */
function multipliersFrom(metadata: ReadonlyMap<string, readonly string[]>): Record<string, number> | undefined {
  let found: Record<string, number> | undefined
  for (const [key, values] of metadata) {
    if (!key.endsWith('_weight_multiplier')) continue
    const numbers = values.map((v) => (v === '' ? Number.NaN : Number(v)))
    if (numbers.every(Number.isFinite)) found = { ...found, [key]: Math.min(...numbers) }
  }
  return found
}

/** Converts '7.2.1' to 7002001, as Nova and libvirt count versions. Returns 0 if the text is not a version. */
export function parseVersion(text: string | undefined): number {
  const m = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? '')
  return m ? Number(m[1]) * 1_000_000 + Number(m[2]) * 1000 + Number(m[3] ?? 0) : 0
}

/** The aggregates that contain each host, in the order of their names, by the name of the host. */
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
