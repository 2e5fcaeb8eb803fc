import { describe, expect, test } from 'vitest'
import { tableOf } from '../host-table.ts'
import type { HostView } from '../host-view.ts'
import { aggregate, type HostWords, host } from '../testing.ts'
import { weigh } from '../weigher.ts'
import { type WeigherName, weighers } from '../weighers.ts'

function weights(name: WeigherName, hosts: readonly HostView[], multiplier = weighers[name].multiplier): number[] {
  const rows = Uint32Array.from(hosts, (_, i) => i)
  return [...weigh([{ name, weigher: weighers[name], multiplier }], tableOf(hosts), rows)]
}

/** Hosts without reserves, so that the numbers are Nova's tests'. */
const none = { reserved: { vcpus: 0, ram: 0, disk: 0 } }
const hosts = (list: readonly HostWords[]) => list.map((words, i) => host(`host${i + 1}`, { ...none, ...words }))

const ram = [512, 1024, 3072, 8192].map((ram) => ({ ram }))
const cpu = [
  { vcpus: 8, used: { vcpus: 8 }, allocationRatios: { vcpu: 1 } },
  { vcpus: 4, used: { vcpus: 2 }, allocationRatios: { vcpu: 1 } },
  { vcpus: 6, allocationRatios: { vcpu: 1 } },
  { vcpus: 8, allocationRatios: { vcpu: 2 } },
]
const failures = [0, 1, 10, 100].map((failedBuilds) => ({ failedBuilds }))
const busy = [1, 2, 0, 5].map((ioOps) => ({ used: { ioOps } }))
const versions = ['0.0.1', '0.0.200', '0.0.100', '0.1.0'].map((qemuVersion) => ({ qemuVersion }))

test.each<[WeigherName, readonly HostWords[], number | undefined, number[]]>([
  ['RAMWeigher', ram, undefined, [0.0625, 0.125, 0.375, 1]],
  ['RAMWeigher', ram, 0, [0, 0, 0, 0]],
  ['RAMWeigher', ram, 2, [0.125, 0.25, 0.75, 2]],
  ['RAMWeigher', ram, -1, [-0.0625, -0.125, -0.375, -1]],
  ['RAMWeigher', [...ram, { ram: 8192, used: { ram: 8704 } }], 1, [0.0625, 0.125, 0.375, 1, 0]],
  ['CPUWeigher', cpu, undefined, [0, 0.125, 0.375, 1]],
  ['CPUWeigher', [...cpu, { vcpus: 4, used: { vcpus: 6 }, allocationRatios: { vcpu: 1 } }], 1, [0, 0.125, 0.375, 1, 0]],
  ['DiskWeigher', [{ disk: 100 }, { disk: 50 }, { disk: 200, used: { disk: 100 } }], undefined, [1, 0.5, 1]],
  ['IoOpsWeigher', busy, undefined, [-0.2, -0.4, 0, -1]],
  ['IoOpsWeigher', busy, 2, [0.4, 0.8, 0, 2]],
  ['BuildFailureWeigher', failures, 1000, [0, -10, -100, -1000]],
  ['BuildFailureWeigher', failures, undefined, [0, -10_000, -100_000, -1_000_000]],
  ['BuildFailureWeigher', failures, 0, [0, 0, 0, 0]],
  // All alike count nothing, whatever they are.
  ['BuildFailureWeigher', [{ failedBuilds: 7 }, { failedBuilds: 7 }], 1000, [0, 0]],
  ['HypervisorVersionWeigher', versions, undefined, [0, 199 / 999, 99 / 999, 1]],
  ['HypervisorVersionWeigher', versions, -1, [0, -199 / 999, -99 / 999, -1]],
])('%s of %j times %s', (name, words, multiplier, wanted) => {
  const found = weights(name, hosts(words), multiplier)
  for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 9)
})

test('as Nova: the newer QEMU of 7.2.11 and 10.0.0 wins by number, not by text', () => {
  expect(weights('HypervisorVersionWeigher', hosts([{ qemuVersion: '7.2.11' }, { qemuVersion: '10.0.0' }]))).toEqual([
    0, 1,
  ])
})

describe('an aggregate overrides the multiplier for its hosts', () => {
  test('only there, and negated where the weigher is', () => {
    const stack = { aggregates: [aggregate('stack', { ram_weight_multiplier: '-2' })] }
    expect(weights('RAMWeigher', hosts([{ ram: 1024 }, { ram: 2048 }, { ram: 2048, ...stack }]))).toEqual([0.5, 1, -2])
    const trusted = { failedBuilds: 4, aggregates: [aggregate('t', { build_failure_weight_multiplier: '10' })] }
    expect(weights('BuildFailureWeigher', hosts([{ failedBuilds: 0 }, trusted, { failedBuilds: 2 }]))).toEqual([
      0, -10, -500_000,
    ])
  })
})
