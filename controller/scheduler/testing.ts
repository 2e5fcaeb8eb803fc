/** Hosts and requests for the tests of the scheduler, said by what differs from an empty, roomy host and a small server. */
import type { HostAggregate, Hypervisor } from '../../crds/index.ts'
import { type HostView, hostView, type Usage } from './host-view.ts'
import type { FlavorFacts, PlacementRequest } from './request.ts'

type Spec = Partial<Hypervisor['spec']>
type Status = Partial<NonNullable<Hypervisor['status']>>

export interface HostWords extends Spec, Omit<Status, 'used' | 'servers' | 'capacity'> {
  vcpus?: number
  ram?: number
  disk?: number
  used?: Partial<Usage>
  failedBuilds?: number
  aggregates?: readonly HostAggregate[]
  /** An agent that has reported nothing. */
  silent?: boolean
}

export function aggregate(name: string, metadata: Record<string, string>, availabilityZone?: string): HostAggregate {
  const zone = availabilityZone === undefined ? {} : { availabilityZone }
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'HostAggregate',
    metadata: { name },
    spec: { hosts: [], metadata, ...zone },
  }
}

/** 16 threads, 32 GiB, 500 GiB, QEMU 8.2.0, up. */
export function hypervisor(name: string, words: HostWords = {}): Hypervisor {
  const { vcpus = 16, ram = 32_768, disk = 500, used: _, failedBuilds: __, aggregates: ___, silent, ...rest } = words
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
    status: { state: 'up', ...(silent ? {} : reported), ...status },
  }
}

export function host(name: string, words: HostWords = {}): HostView {
  const used = { vcpus: 0, ram: 0, disk: 0, servers: 0, ioOps: 0, ...words.used }
  const load = { used, failedBuilds: words.failedBuilds ?? 0 }
  return hostView(hypervisor(name, words), words.aggregates ?? [], load)
}

type Words = Partial<Omit<PlacementRequest, 'flavor'>> & { flavor?: Partial<FlavorFacts> }

/** 1 vCPU, 1 GiB, 10 GiB. */
export function request({ flavor, ...words }: Words = {}): PlacementRequest {
  return {
    server: { namespace: 'ns', name: 'web', uid: 'uid-web' },
    flavor: { vcpus: 1, ram: 1024, disk: 10, ephemeral: 0, swap: 0, ...flavor },
    image: {},
    ...words,
  }
}
