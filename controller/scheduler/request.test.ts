import { expect, test } from 'vitest'
import { demandOf, otherResources, resolveHint } from './request.ts'

const flavor = { vcpus: 2, ram: 2048, disk: 20, ephemeral: 5, swap: 0 }

test.each([
  [flavor, {}, { vcpus: 2, ram: 2048, disk: 25 }],
  [{ ...flavor, swap: 1 }, {}, { vcpus: 2, ram: 2048, disk: 26 }],
  [{ ...flavor, swap: 1024 }, {}, { vcpus: 2, ram: 2048, disk: 26 }],
  [{ ...flavor, swap: 1025 }, {}, { vcpus: 2, ram: 2048, disk: 27 }],
  [{ ...flavor, disk: 0 }, { minDisk: 8 }, { vcpus: 2, ram: 2048, disk: 13 }],
  [flavor, { minDisk: 8 }, { vcpus: 2, ram: 2048, disk: 25 }],
  [
    { ...flavor, extraSpecs: { 'resources:VCPU': '0', 'resources:MEMORY_MB': '512' } },
    {},
    { vcpus: 0, ram: 512, disk: 25 },
  ],
  [
    { ...flavor, extraSpecs: { 'resources:DISK_GB': 'much', 'resources:VCPU': '-1' } },
    {},
    { vcpus: 2, ram: 2048, disk: 25 },
  ],
])('%j with %j takes %j', (flavor, image, taken) => {
  expect(demandOf(flavor, image)).toEqual(taken)
})

test('classes that no host has are found, ours and zeros are not', () => {
  const extraSpecs = {
    'resources:VCPU': '4',
    'resources:CUSTOM_FPGA': '2',
    'resources1:VGPU': '1',
    'resources:PCPU': '0',
    'hw:numa_nodes': '2',
  }
  expect([...otherResources({ ...flavor, extraSpecs })]).toEqual([
    ['CUSTOM_FPGA', 2],
    ['VGPU', 1],
  ])
})

test('a hint is followed to hosts, each once; who has none is named', () => {
  const hosts: Record<string, string> = { a: 'h1', b: 'h2', c: 'h1' }
  expect(resolveHint(['a', 'x', 'b', 'c'], (name) => hosts[name])).toEqual({ hosts: ['h1', 'h2'], unresolved: ['x'] })
})
