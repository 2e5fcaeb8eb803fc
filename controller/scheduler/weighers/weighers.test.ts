import { expect, test } from 'vitest'
import { toHostTable } from '../host-table.ts'
import type { HostView } from '../host-view.ts'
import { type HostOverrides, makeAggregate, makeHostView } from '../testing.ts'
import { weighHosts } from '../weigher.ts'
import { type WeigherName, weighers } from '../weighers.ts'

function weightsOf(name: WeigherName, hosts: readonly HostView[]): number[] {
  const rows = Uint32Array.from(hosts, (_, i) => i)
  return [...weighHosts(toHostTable(hosts), rows, [name])]
}

function makeHosts(list: readonly HostOverrides[], name: WeigherName, multiplier?: number): HostView[] {
  const { multiplierKey } = weighers[name]
  const aggregates = multiplier === undefined ? [] : [makeAggregate('all', { [multiplierKey]: String(multiplier) })]
  const reserved = { vcpus: 0, ram: 0, disk: 0 }
  return list.map((overrides, i) => makeHostView(`host${i + 1}`, { reserved, aggregates, ...overrides }))
}

const ram = [512, 1024, 3072, 8192].map((ram) => ({ ram }))
const cpu = [
  { vcpus: 8, used: { vcpus: 8 }, allocationRatios: { vcpu: 1 } },
  { vcpus: 4, used: { vcpus: 2 }, allocationRatios: { vcpu: 1 } },
  { vcpus: 6, allocationRatios: { vcpu: 1 } },
  { vcpus: 8, allocationRatios: { vcpu: 2 } },
]
const ioOps = [1, 2, 0, 5].map((ioOps) => ({ used: { ioOps } }))
const versions = ['0.0.1', '0.0.200', '0.0.100', '0.1.0'].map((qemuVersion) => ({ qemuVersion }))

test.each<[WeigherName, readonly HostOverrides[], number | undefined, number[]]>([
  ['RAMWeigher', ram, undefined, [0.0625, 0.125, 0.375, 1]],
  ['RAMWeigher', ram, 0, [0, 0, 0, 0]],
  ['RAMWeigher', ram, 2, [0.125, 0.25, 0.75, 2]],
  ['RAMWeigher', ram, -1, [-0.0625, -0.125, -0.375, -1]],
  ['RAMWeigher', [...ram, { ram: 8192, used: { ram: 8704 } }], 1, [0.0625, 0.125, 0.375, 1, 0]],
  ['CPUWeigher', cpu, undefined, [0, 0.125, 0.375, 1]],
  ['CPUWeigher', [...cpu, { vcpus: 4, used: { vcpus: 6 }, allocationRatios: { vcpu: 1 } }], 1, [0, 0.125, 0.375, 1, 0]],
  ['DiskWeigher', [{ disk: 100 }, { disk: 50 }, { disk: 200, used: { disk: 100 } }], undefined, [1, 0.5, 1]],
  ['IoOpsWeigher', ioOps, undefined, [-0.2, -0.4, 0, -1]],
  ['IoOpsWeigher', ioOps, 2, [0.4, 0.8, 0, 2]],
  ['HypervisorVersionWeigher', versions, undefined, [0, 199 / 999, 99 / 999, 1]],
  ['HypervisorVersionWeigher', versions, -1, [0, -199 / 999, -99 / 999, -1]],
  // If all scores are equal, the weigher adds nothing, whatever the scores are.
  ['HypervisorVersionWeigher', [{ qemuVersion: '8.2.0' }, { qemuVersion: '8.2.0' }], 1000, [0, 0]],
])('%s of hosts with %j and multiplier %s', (name, overrides, multiplier, expected) => {
  const weights = weightsOf(name, makeHosts(overrides, name, multiplier))
  expect(weights).toHaveLength(expected.length)
  for (const [i, weight] of expected.entries()) expect(weights[i]).toBeCloseTo(weight, 9)
})

test('HypervisorVersionWeigher compares versions as numbers, not as text', () => {
  const hosts = makeHosts([{ qemuVersion: '7.2.11' }, { qemuVersion: '10.0.0' }], 'HypervisorVersionWeigher')
  expect(weightsOf('HypervisorVersionWeigher', hosts)).toEqual([0, 1])
})

test('a multiplier in the metadata of an aggregate overrides the default for its hosts only', () => {
  const stack = { aggregates: [makeAggregate('stack', { ram_weight_multiplier: '-2' })] }
  const hosts = makeHosts([{ ram: 1024 }, { ram: 2048 }, { ram: 2048, ...stack }], 'RAMWeigher')
  expect(weightsOf('RAMWeigher', hosts)).toEqual([0.5, 1, -2])
})
