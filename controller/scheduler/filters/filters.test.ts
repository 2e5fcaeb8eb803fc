import { describe, expect, test } from 'vitest'
import type { Filter } from '../filter.ts'
import type { HostView } from '../host-view.ts'
import type { PlacementRequest } from '../request.ts'
import { makeAggregate, makeHostView, makeRequest } from '../testing.ts'
import { aggregateInstanceExtraSpecsFilter } from './aggregate-instance-extra-specs.ts'
import { availabilityZoneFilter } from './availability-zone.ts'
import { computeFilter } from './compute.ts'
import { coreFilter } from './core.ts'
import { differentHostFilter } from './different-host.ts'
import { diskFilter } from './disk.ts'
import { numInstancesFilter } from './num-instances.ts'
import { ramFilter } from './ram.ts'
import { resourceClassFilter } from './resource-class.ts'
import { retryFilter } from './retry.ts'
import { sameHostFilter } from './same-host.ts'
import { traitFilter } from './trait.ts'

function verdict(filter: Filter, request: PlacementRequest, host: HostView): true | string {
  const prepared = filter.prepare(request)
  if (prepared === undefined || prepared.passes(host)) return true
  const { summary, detail } = prepared.reject(host)
  return `${summary}: ${detail}`
}

const libvirtUnreachable = {
  type: 'Ready',
  status: 'False',
  reason: 'LibvirtUnreachable',
  message: 'libvirt does not answer',
  lastTransitionTime: '2026-01-01T00:00:00Z',
} as const

const versionSkew = {
  type: 'VersionSkew',
  status: 'True',
  reason: 'AgentTooOld',
  message: 'the agent has version 0.1.0',
  lastTransitionTime: '2026-01-01T00:00:00Z',
} as const

test.each([
  [{}, true],
  [{ disabled: true }, 'disabled: no reason given'],
  [{ disabled: true, disabledReason: 'disk swap', state: 'down' as const }, 'disabled: disk swap'],
  [{ state: 'down' as const }, 'down: its agent has sent no heartbeat'],
  [{ forcedDown: true }, 'forced down: spec.forcedDown is true'],
  [{ conditions: [libvirtUnreachable] }, 'without libvirt: its agent cannot reach libvirtd'],
  [{ conditions: [versionSkew] }, 'with an agent of another version: the agent has version 0.1.0'],
  [{ conditions: [{ ...libvirtUnreachable, reason: 'KvmMissing' }] }, 'not ready: see the Hypervisor: KvmMissing'],
  [{ unreported: true }, 'not ready: its agent has not reported its capacity'],
])('ComputeFilter: a host with %j: %s', (overrides, expected) => {
  expect(verdict(computeFilter, makeRequest(), makeHostView('h', overrides))).toBe(expected)
})

test('ComputeFilter rejects a host that is forced down even when its agent is up', () => {
  expect(verdict(computeFilter, makeRequest(), { ...makeHostView('h', { forcedDown: true }), up: true })).toContain(
    'forced down',
  )
})

test.each([
  [undefined, 'az1', true],
  ['az1', 'az1', true],
  ['az2', 'az1', 'in another availability zone: need az2, is in az1'],
  ['nova', undefined, true],
  ['az1', undefined, 'in another availability zone: need az1, is in nova'],
])('AvailabilityZoneFilter: a request for %s of a host in %s: %s', (availabilityZone, zone, expected) => {
  const host = makeHostView('h', zone === undefined ? {} : { aggregates: [makeAggregate('a', {}, zone)] })
  const request = makeRequest(availabilityZone === undefined ? {} : { availabilityZone })
  expect(verdict(availabilityZoneFilter, request, host)).toBe(expected)
})

describe('filters by host name', () => {
  test.each([
    [retryFilter, {}, true],
    [retryFilter, { ignoreHosts: [] }, true],
    [retryFilter, { ignoreHosts: ['other'] }, true],
    [retryFilter, { ignoreHosts: ['h'] }, 'tried before: rejected this server'],
    [sameHostFilter, {}, true],
    [sameHostFilter, { sameHost: { hosts: [], unresolved: [] } }, true],
    [sameHostFilter, { sameHost: { hosts: ['h', 'x'], unresolved: ['gone'] } }, true],
    [
      sameHostFilter,
      { sameHost: { hosts: ['x', 'y'], unresolved: [] } },
      'not the host of a server in schedulerHints.sameHost: need x or y',
    ],
    [
      sameHostFilter,
      { sameHost: { hosts: [], unresolved: ['a', 'b', 'c', 'd'] } },
      'not the host of a server in schedulerHints.sameHost: no host yet, or no such server: a, b, c',
    ],
    [differentHostFilter, {}, true],
    [differentHostFilter, { differentHost: { hosts: ['x'], unresolved: [] } }, true],
    [differentHostFilter, { differentHost: { hosts: [], unresolved: ['gone'] } }, true],
    [
      differentHostFilter,
      { differentHost: { hosts: ['x', 'h'], unresolved: [] } },
      'the host of a server in schedulerHints.differentHost: such a server is here',
    ],
  ])('$0.name with %j: %s', (filter, overrides, expected) => {
    expect(verdict(filter, makeRequest(overrides), makeHostView('h'))).toBe(expected)
  })
})

test.each([
  [{ used: { servers: 500 } }, true],
  [{ maxServers: 5, used: { servers: 4 } }, true],
  [{ maxServers: 5, used: { servers: 5 } }, 'at maxServers: has 5 of at most 5'],
  [{ maxServers: 5, used: { servers: 6 } }, 'at maxServers: has 6 of at most 5'],
  [{ maxServers: 0 }, 'at maxServers: has 0 of at most 0'],
])('NumInstancesFilter: a host with %j: %s', (overrides, expected) => {
  expect(verdict(numInstancesFilter, makeRequest(), makeHostView('h', overrides))).toBe(expected)
})

describe('RamFilter, CoreFilter and DiskFilter', () => {
  const size = { vcpus: 4, ram: 4096, disk: 100 }
  test.each([
    [ramFilter, { ram: 3584 }, {}, true],
    [ramFilter, { ram: 3585 }, {}, 'too small in memory: need 3585 MiB, has 3584 MiB'],
    [ramFilter, { ram: 1024 }, { used: { ram: 2560 } }, true],
    [ramFilter, { ram: 1024 }, { used: { ram: 2561 } }, 'too little memory: need 1024 MiB, free 1023 MiB'],
    [ramFilter, { ram: 1024 }, { used: { ram: 9999 } }, 'too little memory: need 1024 MiB, free 0 MiB'],
    [ramFilter, { ram: 2048 }, { allocationRatios: { ram: 1.5 }, used: { ram: 3328 } }, true],
    [
      ramFilter,
      { ram: 2048 },
      { allocationRatios: { ram: 1.5 }, used: { ram: 3329 } },
      'too little memory: need 2048 MiB, free 2047 MiB',
    ],
    // A server must not be larger than its host, whatever the allocation ratio.
    [ramFilter, { ram: 4000 }, { allocationRatios: { ram: 4 } }, 'too small in memory: need 4000 MiB, has 3584 MiB'],
    [coreFilter, { vcpus: 4 }, { used: { vcpus: 12 } }, true],
    [coreFilter, { vcpus: 4 }, { used: { vcpus: 13 } }, 'too few vCPUs: need 4 vCPUs, free 3 vCPUs'],
    [coreFilter, { vcpus: 5 }, {}, 'too small in CPU threads: need 5 vCPUs, has 4 vCPUs'],
    [coreFilter, { vcpus: 4 }, { reserved: { vcpus: 1 } }, 'too small in CPU threads: need 4 vCPUs, has 3 vCPUs'],
    [diskFilter, { disk: 60, ephemeral: 39, swap: 1024 }, {}, true],
    [diskFilter, { disk: 60, ephemeral: 39, swap: 1025 }, {}, 'too small in disk: need 101 GiB, has 100 GiB'],
    [diskFilter, { disk: 10 }, { used: { disk: 91 } }, 'too little disk: need 10 GiB, free 9 GiB'],
    [diskFilter, { disk: 0 }, { used: { disk: 200 } }, true],
    [ramFilter, { ram: 1 }, { unreported: true }, 'not ready: its agent has not reported its capacity'],
  ])('$0.name: a flavor with %j on a host with %j: %s', (filter, flavor, overrides, expected) => {
    expect(verdict(filter, makeRequest({ flavor }), makeHostView('h', { ...size, ...overrides }))).toBe(expected)
  })
})

describe('AggregateInstanceExtraSpecsFilter', () => {
  const SCOPE = 'aggregate_instance_extra_specs'
  const host = makeHostView('h', {
    aggregates: [makeAggregate('a', { opt1: '1,3', opt2: '2' }), makeAggregate('b', { opt1: '5' })],
  })
  test.each([
    [undefined, true],
    [{}, true],
    [{ [`${SCOPE}:opt2`]: '2' }, true],
    [{ [`${SCOPE}:opt1`]: '3' }, true],
    [{ [`${SCOPE}:opt1`]: '>= 5' }, true],
    [{ [`${SCOPE}:opt1`]: '<or> 7 <or> 1' }, true],
    [
      { [`${SCOPE}:opt1`]: '1', [`${SCOPE}:opt2`]: '222' },
      "in no aggregate with the flavor's metadata: need opt2 222, has 2",
    ],
    [{ [`${SCOPE}:opt1`]: '4' }, "in no aggregate with the flavor's metadata: need opt1 4, has 1, 3, 5"],
    [{ [`${SCOPE}:opt9`]: 's!= x' }, "in no aggregate with the flavor's metadata: need opt9 s!= x, has none"],
    [{ opt9: 'x', 'hw:cpu_policy': 'shared', [SCOPE]: '1' }, true],
  ])('a flavor with %j: %s', (extraSpecs, expected) => {
    const flavor = extraSpecs === undefined ? {} : { extraSpecs }
    expect(verdict(aggregateInstanceExtraSpecsFilter, makeRequest({ flavor }), host)).toBe(expected)
  })
})

describe('TraitFilter and ResourceClassFilter', () => {
  const host = makeHostView('h', { cpu: { features: ['avx2'] } })
  test.each([
    [{}, {}, true],
    [{ 'trait:HW_CPU_X86_AVX2': 'required' }, {}, true],
    [{ 'trait:HW_CPU_X86_AVX2': 'forbidden' }, {}, 'with a forbidden trait: has HW_CPU_X86_AVX2'],
    [{ 'trait1:HW_CPU_X86_VMX': 'required' }, {}, 'without a required trait: lacks HW_CPU_X86_VMX'],
    [{ 'trait:HW_CPU_X86_VMX': 'forbidden' }, {}, true],
    [{ 'trait:HW_CPU_X86_VMX': 'perhaps' }, {}, true],
    [{}, { 'trait:CUSTOM_GOLD': 'required' }, 'without a required trait: lacks CUSTOM_GOLD'],
    [{}, { 'trait:HW_CPU_X86_AVX2': 'forbidden' }, true],
    [{}, { traits_wanted: 'required' }, true],
  ])('TraitFilter: flavor %j, image %j: %s', (extraSpecs, properties, expected) => {
    expect(verdict(traitFilter, makeRequest({ flavor: { extraSpecs }, image: { properties } }), host)).toBe(expected)
  })
  test('ResourceClassFilter rejects every host when the flavor asks for an unsupported resource class', () => {
    const request = makeRequest({ flavor: { extraSpecs: { 'resources:VGPU': '1' } } })
    expect(verdict(resourceClassFilter, request, host)).toContain("the flavor's extraSpecs need 1 VGPU")
    expect(verdict(resourceClassFilter, makeRequest(), host)).toBe(true)
  })
})
