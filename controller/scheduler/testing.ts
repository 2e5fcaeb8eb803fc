/** Each test states only what differs from an empty, large host and a small server. */
import type { HostAggregate, Hypervisor } from '../../crds/index.ts'
import { type HostUsage, type HostView, toHostView } from './host-view.ts'
import type { FlavorFacts, PlacementRequest } from './request.ts'
import { MAX_ATTEMPTS } from './select-host.ts'

type Spec = Partial<Hypervisor['spec']>
type Status = Partial<NonNullable<Hypervisor['status']>>

export interface HostOverrides extends Spec, Omit<Status, 'used' | 'servers' | 'capacity'> {
  vcpus?: number
  ram?: number
  disk?: number
  used?: Partial<HostUsage>
  aggregates?: readonly HostAggregate[]
  unreported?: boolean
}

export function makeAggregate(
  name: string,
  metadata: Record<string, string>,
  availabilityZone?: string,
): HostAggregate {
  const zone = availabilityZone === undefined ? {} : { availabilityZone }
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'HostAggregate',
    metadata: { name },
    spec: { hosts: [], metadata, ...zone },
  }
}

/** Makes the Hypervisor of a host that is up, with 16 CPU threads, 32 GiB of memory, 500 GiB of disk and QEMU 8.2.0. */
export function makeHypervisor(name: string, overrides: HostOverrides = {}): Hypervisor {
  const { vcpus = 16, ram = 32_768, disk = 500, used: _, aggregates: __, unreported, ...rest } = overrides
  const {
    disabled = false,
    forcedDown = false,
    disabledReason,
    allocationRatios,
    reserved,
    maxServers,
    ...status
  } = rest
  const optional = { disabledReason, allocationRatios, reserved, maxServers }
  const spec = Object.fromEntries(Object.entries(optional).filter(([, v]) => v !== undefined))
  const reported = {
    arch: 'x86_64',
    domainType: 'kvm' as const,
    capacity: { vcpus, ram, disk },
    qemuVersion: '8.2.0',
    machineTypes: ['pc', 'q35'],
    firmware: ['bios' as const, 'uefi' as const],
    diskBuses: ['virtio', 'scsi', 'sata'],
    vifModels: ['virtio', 'e1000'],
  }
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Hypervisor',
    metadata: { name },
    spec: { disabled, forcedDown, ...spec },
    status: { state: 'up', ...(unreported ? {} : reported), ...status },
  }
}

export function makeHostView(name: string, overrides: HostOverrides = {}): HostView {
  const used = { vcpus: 0, ram: 0, disk: 0, servers: 0, ioOps: 0, ...overrides.used }
  return toHostView(makeHypervisor(name, overrides), overrides.aggregates ?? [], used)
}

type RequestOverrides = Partial<Omit<PlacementRequest, 'flavor'>> & { flavor?: Partial<FlavorFacts> }

export function makeRequest({ flavor, ...overrides }: RequestOverrides = {}): PlacementRequest {
  return {
    server: { namespace: 'ns', name: 'web', uid: 'uid-web' },
    flavor: { vcpus: 1, ram: 1024, disk: 10, ephemeral: 0, swap: 0, ...flavor },
    image: {},
    ...overrides,
  }
}

/** The hosts that `select` chooses one after the other for a server that every host rejects; at most MAX_ATTEMPTS. */
export function selectInTurn(
  select: (request: PlacementRequest) => string | undefined,
  request: PlacementRequest,
): string[] {
  const names: string[] = []
  while (names.length < MAX_ATTEMPTS) {
    const name = select({ ...request, ignoreHosts: [...(request.ignoreHosts ?? []), ...names] })
    if (name === undefined) break
    names.push(name)
  }
  return names
}
