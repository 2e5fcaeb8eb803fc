import { describe, expect, test } from 'vitest'
import type { Filter } from '../filter.ts'
import type { HostView } from '../host-view.ts'
import type { PlacementRequest } from '../request.ts'
import { aggregate, host, request } from '../testing.ts'
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

/** true, or the reason in words. */
function verdict(filter: Filter, asked: PlacementRequest, on: HostView): true | string {
  const ready = filter.prepare(asked)
  if (ready === undefined || ready.passes(on)) return true
  const { what, detail } = ready.refusal(on)
  return `${what}: ${detail}`
}

const noLibvirt = {
  type: 'Ready',
  status: 'False',
  reason: 'LibvirtUnreachable',
  message: 'libvirt does not answer',
  lastTransitionTime: '2026-01-01T00:00:00Z',
} as const

test.each([
  [{}, true],
  [{ disabled: true }, 'disabled: no reason given'],
  [{ disabled: true, disabledReason: 'disk swap', state: 'down' as const }, 'disabled: disk swap'],
  [{ state: 'down' as const }, 'down: its agent has sent no heartbeat'],
  [{ forcedDown: true }, 'forced down: spec.forcedDown is true'],
  [{ conditions: [noLibvirt] }, 'without libvirt: libvirt does not answer its agent'],
  [{ silent: true }, 'not ready: its agent has not reported its capacity'],
])('ComputeFilter of %j: %s', (words, wanted) => {
  expect(verdict(computeFilter, request(), host('h', words))).toBe(wanted)
})

test('ComputeFilter refuses a host that is forced down even where its agent is heard', () => {
  expect(verdict(computeFilter, request(), { ...host('h', { forcedDown: true }), up: true })).toContain('forced down')
})

test.each([
  [undefined, 'az1', true],
  ['az1', 'az1', true],
  ['az2', 'az1', 'in another availability zone: need az2, is in az1'],
  ['nova', undefined, true],
  ['az1', undefined, 'in another availability zone: need az1, is in nova'],
])('AvailabilityZoneFilter: %s asked of a host in %s: %s', (asked, zone, wanted) => {
  const on = host('h', zone === undefined ? {} : { aggregates: [aggregate('a', {}, zone)] })
  expect(verdict(availabilityZoneFilter, request(asked === undefined ? {} : { availabilityZone: asked }), on)).toBe(
    wanted,
  )
})

describe('where others are', () => {
  test.each([
    [retryFilter, {}, true],
    [retryFilter, { ignoreHosts: [] }, true],
    [retryFilter, { ignoreHosts: ['other'] }, true],
    [retryFilter, { ignoreHosts: ['h'] }, 'tried before: refused this server'],
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
  ])('$name', (filter, words, wanted) => {
    expect(verdict(filter, request(words), host('h'))).toBe(wanted)
  })
})

test.each([
  [{ used: { servers: 500 } }, true],
  [{ maxServers: 5, used: { servers: 4 } }, true],
  [{ maxServers: 5, used: { servers: 5 } }, 'at maxServers: holds 5 of at most 5'],
  [{ maxServers: 5, used: { servers: 6 } }, 'at maxServers: holds 6 of at most 5'],
  [{ maxServers: 0 }, 'at maxServers: holds 0 of at most 0'],
])('NumInstancesFilter of %j: %s', (words, wanted) => {
  expect(verdict(numInstancesFilter, request(), host('h', words))).toBe(wanted)
})

describe('capacity: what placement counts', () => {
  const words = { vcpus: 4, ram: 4096, disk: 100 }
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
    // Overcommit does not make a server larger than the host.
    [ramFilter, { ram: 4000 }, { allocationRatios: { ram: 4 } }, 'too small in memory: need 4000 MiB, has 3584 MiB'],
    [coreFilter, { vcpus: 4 }, { used: { vcpus: 12 } }, true],
    [coreFilter, { vcpus: 4 }, { used: { vcpus: 13 } }, 'too few vCPUs: need 4 vCPUs, free 3 vCPUs'],
    [coreFilter, { vcpus: 5 }, {}, 'too small in CPU threads: need 5 vCPUs, has 4 vCPUs'],
    [coreFilter, { vcpus: 4 }, { reserved: { vcpus: 1 } }, 'too small in CPU threads: need 4 vCPUs, has 3 vCPUs'],
    [diskFilter, { disk: 60, ephemeral: 39, swap: 1024 }, {}, true],
    [diskFilter, { disk: 60, ephemeral: 39, swap: 1025 }, {}, 'too small in disk: need 101 GiB, has 100 GiB'],
    [diskFilter, { disk: 10 }, { used: { disk: 91 } }, 'too little disk: need 10 GiB, free 9 GiB'],
    [diskFilter, { disk: 0 }, { used: { disk: 200 } }, true],
    [ramFilter, { ram: 1 }, { silent: true }, 'not ready: its agent has not reported its capacity'],
  ])('$name of %j on %j: %s', (filter, flavor, more, wanted) => {
    expect(verdict(filter, request({ flavor }), host('h', { ...words, ...more }))).toBe(wanted)
  })
})

describe('AggregateInstanceExtraSpecsFilter', () => {
  const SCOPE = 'aggregate_instance_extra_specs'
  const on = host('h', { aggregates: [aggregate('a', { opt1: '1,3', opt2: '2' }), aggregate('b', { opt1: '5' })] })
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
  ])('%j: %s', (extraSpecs, wanted) => {
    const flavor = extraSpecs === undefined ? {} : { extraSpecs }
    expect(verdict(aggregateInstanceExtraSpecsFilter, request({ flavor }), on)).toBe(wanted)
  })
})

describe('traits and resource classes', () => {
  const on = host('h', { cpu: { features: ['avx2'] } })
  test.each([
    [{}, {}, true],
    [{ 'trait:HW_CPU_X86_AVX2': 'required' }, {}, true],
    [{ 'trait:HW_CPU_X86_AVX2': 'forbidden' }, {}, 'with a forbidden trait: has HW_CPU_X86_AVX2'],
    [{ 'trait1:HW_CPU_X86_VMX': 'required' }, {}, 'without a required trait: has not HW_CPU_X86_VMX'],
    [{ 'trait:HW_CPU_X86_VMX': 'forbidden' }, {}, true],
    [{ 'trait:HW_CPU_X86_VMX': 'perhaps' }, {}, true],
    [{}, { 'trait:CUSTOM_GOLD': 'required' }, 'without a required trait: has not CUSTOM_GOLD'],
    [{}, { 'trait:HW_CPU_X86_AVX2': 'forbidden' }, true],
    [{}, { traits_wanted: 'required' }, true],
  ])('flavor %j, image %j: %s', (extraSpecs, properties, wanted) => {
    expect(verdict(traitFilter, request({ flavor: { extraSpecs }, image: { properties } }), on)).toBe(wanted)
  })
  test('a resource class that no host has', () => {
    const asked = request({ flavor: { extraSpecs: { 'resources:VGPU': '1' } } })
    expect(verdict(resourceClassFilter, asked, on)).toContain("the flavor's extraSpecs need 1 VGPU")
    expect(verdict(resourceClassFilter, request(), on)).toBe(true)
  })
})
