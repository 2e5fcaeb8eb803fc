import { describe, expect, test } from 'vitest'
import { demandOf, resolveHint, unsupportedResourcesOf } from './request.ts'

const flavor = { vcpus: 2, ram: 2048, disk: 20, ephemeral: 5, swap: 0 }

describe('demandOf', () => {
  test.each([
    ['adds ephemeral disk to the root disk', flavor, {}, { vcpus: 2, ram: 2048, disk: 25 }],
    ['rounds 1 MiB of swap up to 1 GiB', { ...flavor, swap: 1 }, {}, { vcpus: 2, ram: 2048, disk: 26 }],
    ['counts 1024 MiB of swap as 1 GiB', { ...flavor, swap: 1024 }, {}, { vcpus: 2, ram: 2048, disk: 26 }],
    ['rounds 1025 MiB of swap up to 2 GiB', { ...flavor, swap: 1025 }, {}, { vcpus: 2, ram: 2048, disk: 27 }],
    [
      'counts a root disk of 0 as the minDisk of the image',
      { ...flavor, disk: 0 },
      { minDisk: 8 },
      { vcpus: 2, ram: 2048, disk: 13 },
    ],
    ['ignores minDisk when the flavor has a root disk', flavor, { minDisk: 8 }, { vcpus: 2, ram: 2048, disk: 25 }],
    [
      'takes vCPUs and memory from resources: extra specs',
      { ...flavor, extraSpecs: { 'resources:VCPU': '0', 'resources:MEMORY_MB': '512' } },
      {},
      { vcpus: 0, ram: 512, disk: 25 },
    ],
    [
      'ignores resources: extra specs that are no whole number',
      { ...flavor, extraSpecs: { 'resources:DISK_GB': 'much', 'resources:VCPU': '-1' } },
      {},
      { vcpus: 2, ram: 2048, disk: 25 },
    ],
  ])('%s', (_, flavor, image, expected) => {
    expect(demandOf(flavor, image)).toEqual(expected)
  })
})

test('unsupportedResourcesOf leaves out supported classes and amounts of zero', () => {
  const extraSpecs = {
    'resources:VCPU': '4',
    'resources:CUSTOM_FPGA': '2',
    'resources1:VGPU': '1',
    'resources:PCPU': '0',
    'hw:numa_nodes': '2',
  }
  expect([...unsupportedResourcesOf({ ...flavor, extraSpecs })]).toEqual([
    ['CUSTOM_FPGA', 2],
    ['VGPU', 1],
  ])
})

test('resolveHint lists each host once and names the servers without a host', () => {
  const hosts: Record<string, string> = { a: 'h1', b: 'h2', c: 'h1' }
  expect(resolveHint(['a', 'x', 'b', 'c'], (name) => hosts[name])).toEqual({ hosts: ['h1', 'h2'], unresolved: ['x'] })
})
