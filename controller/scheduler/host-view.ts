/** A host as the scheduler sees it: the facts of its Hypervisor and its aggregates, prepared once so that a placement only compares. */
import { condition, type HostAggregate, type Hypervisor, type Resources } from '../../crds/index.ts'
import { traitsOf } from './traits.ts'

/** What the servers on a host take of it. The ledger's own objects are live: they change with each claim. */
export interface Usage extends Readonly<Resources> {
  readonly servers: number
  /** Servers that are being built or otherwise busy with the disk: Nova's io_workload. */
  readonly ioOps: number
}

/** How much of one resource a host gives: `limit` in all (overcommit included), `largest` to one server. */
export interface Limit {
  readonly total: number
  readonly reserved: number
  readonly ratio: number
  readonly limit: number
  readonly largest: number
}
export type Limits = Readonly<Record<keyof Resources, Limit>>

/** What many hosts have in common, and what changes seldom. */
export interface HostKind {
  readonly disabled: boolean
  readonly disabledReason: string | undefined
  readonly forcedDown: boolean
  readonly up: boolean
  /** Its agent has reported its capacity. */
  readonly ready: boolean
  /** Its agent has no libvirt. */
  readonly away: boolean
  readonly zone: string
  /** Metadata of all its aggregates: key → values; a value with commas is several (as Nova reads it). */
  readonly metadata: ReadonlyMap<string, readonly string[]>
  readonly aggregates: readonly string[]
  /** Weight multipliers that its aggregates override, by metadata key; of several the least, as in Nova; undefined: none, as most. */
  readonly multipliers: Readonly<Record<string, number>> | undefined
  readonly arch: string | undefined
  readonly domainType: 'kvm' | 'qemu' | undefined
  /** QEMU's version as Nova counts it: 7.2.1 is 7002001; 0: unknown. */
  readonly version: number
  readonly libvirtVersion: string | undefined
  readonly machineTypes: readonly string[]
  readonly firmware: readonly string[]
  readonly diskBuses: readonly string[]
  readonly vifModels: readonly string[]
  readonly cpu: NonNullable<Hypervisor['status']>['cpu']
  readonly traits: ReadonlySet<string>
}

export interface HostView extends HostKind {
  readonly name: string
  /** undefined: its agent has not reported yet. */
  readonly limits: Limits | undefined
  readonly maxServers: number | undefined
  readonly used: Usage
  /** Builds that failed here since the last one that succeeded. */
  readonly failedBuilds: number
}

/** The same text for hosts of the same kind, and for no others. */
export function kindKey(view: HostView): string {
  const kind = kindOf(view)
  // The traits follow from the CPU.
  return JSON.stringify({ ...kind, metadata: [...kind.metadata], traits: undefined })
}

/** What the host has in common with others of its kind. */
export function kindOf(view: HostView): HostKind {
  const { name: _, limits: __, maxServers: ___, used: ____, failedBuilds: _____, ...kind } = view
  return kind
}

/** Ratios, reserves and zone of a host that says nothing of its own: Nova's initial values. */
export interface HostDefaults {
  readonly allocationRatios: { readonly vcpu: number; readonly ram: number; readonly disk: number }
  readonly reserved: Resources
  readonly availabilityZone: string
}
export const hostDefaults: HostDefaults = {
  allocationRatios: { vcpu: 4, ram: 1, disk: 1 },
  reserved: { vcpus: 0, ram: 512, disk: 0 },
  availabilityZone: 'nova',
}

/** What changes more often than the host: what is used of it (see Ledger.usage) and its failed builds. */
export interface HostLoad {
  readonly used: Usage
  readonly failedBuilds?: number
}

/** Its agent lives, and says that libvirt does not answer. */
export const isAway = ({ status }: Pick<Hypervisor, 'status'>): boolean =>
  condition(status?.conditions, 'Ready')?.reason === 'LibvirtUnreachable'

/** The view of a host; `aggregates` are those that name it (see aggregatesByHost). */
export function hostView(
  hypervisor: Hypervisor,
  aggregates: readonly HostAggregate[],
  load: HostLoad,
  defaults: HostDefaults = hostDefaults,
): HostView {
  const { spec, status = {} } = hypervisor
  const metadata = mergeMetadata(aggregates)
  return {
    name: hypervisor.metadata.name,
    disabled: spec.disabled,
    disabledReason: spec.disabledReason,
    forcedDown: spec.forcedDown,
    up: status.state === 'up' && !spec.forcedDown,
    ready: status.capacity !== undefined,
    away: isAway(hypervisor),
    zone: zoneOf(aggregates) ?? defaults.availabilityZone,
    metadata,
    aggregates: aggregates.map((a) => a.metadata.name),
    multipliers: multipliersOf(metadata),
    limits: limitsOf(hypervisor, defaults),
    maxServers: spec.maxServers,
    arch: status.arch,
    domainType: status.domainType,
    version: versionNumber(status.qemuVersion),
    libvirtVersion: status.libvirtVersion,
    machineTypes: status.machineTypes ?? [],
    firmware: status.firmware ?? [],
    diskBuses: status.diskBuses ?? [],
    vifModels: status.vifModels ?? [],
    cpu: status.cpu,
    traits: traitsOf(status.cpu?.features ?? []),
    used: load.used,
    failedBuilds: load.failedBuilds ?? 0,
  }
}

function limitsOf(hypervisor: Hypervisor, defaults: HostDefaults): Limits | undefined {
  const { spec, status } = hypervisor
  const capacity = status?.capacity
  if (capacity === undefined) return undefined
  const ratios = { ...defaults.allocationRatios, ...spec.allocationRatios }
  const reserved = { ...defaults.reserved, ...spec.reserved }
  return {
    vcpus: limit(capacity.vcpus, reserved.vcpus, ratios.vcpu),
    ram: limit(capacity.ram, reserved.ram, ratios.ram),
    disk: limit(capacity.disk, reserved.disk, ratios.disk),
  }
}

/** Placement's arithmetic: (total - reserved) × ratio, cut to a whole number; one server gets no more than is really there. */
export function limit(total: number, reserved: number, ratio: number): Limit {
  const largest = Math.max(0, total - reserved)
  return { total, reserved, ratio, limit: Math.floor(largest * ratio), largest }
}

/** The zone of the first aggregate (by name) that has one. */
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

/** As Nova: the least of several; where one of them is no number, none counts. */
function multipliersOf(metadata: ReadonlyMap<string, readonly string[]>): Record<string, number> | undefined {
  let found: Record<string, number> | undefined
  for (const [key, values] of metadata) {
    if (!key.endsWith('_weight_multiplier')) continue
    const numbers = values.map((v) => (v === '' ? Number.NaN : Number(v)))
    if (numbers.every(Number.isFinite)) found = { ...found, [key]: Math.min(...numbers) }
  }
  return found
}

/** '7.2.1' → 7002001, as Nova and libvirt count versions; what is no version is 0. */
export function versionNumber(text: string | undefined): number {
  const m = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? '')
  return m ? Number(m[1]) * 1_000_000 + Number(m[2]) * 1000 + Number(m[3] ?? 0) : 0
}

/** Aggregates by the hosts they name, each list ordered by the aggregate's name. */
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
