import { describe, expect, test } from 'vitest'
import { aggregatesByHost, limit, versionNumber } from './host-view.ts'
import { aggregate, host } from './testing.ts'

test.each([
  [16, 0, 4, 64, 16],
  [16, 2, 4, 56, 14],
  [32_768, 512, 1, 32_256, 32_256],
  [10, 0, 1.15, 11, 10],
  [8, 0, 0.5, 4, 8],
  [512, 512, 4, 0, 0],
  [256, 512, 1, 0, 0],
])('%d with %d reserved times %d: limit %d, %d for one server', (total, reserved, ratio, all, largest) => {
  expect(limit(total, reserved, ratio)).toEqual({ total, reserved, ratio, limit: all, largest })
})

describe('defaults and what a host says of its own', () => {
  test('ratios 4, 1, 1 and 512 MiB reserved', () => {
    const { limits } = host('h', { vcpus: 8, ram: 8192, disk: 100 })
    expect([limits?.vcpus.limit, limits?.ram.limit, limits?.disk.limit]).toEqual([32, 7680, 100])
  })
  test('each ratio and reserve by itself', () => {
    const words = { vcpus: 8, ram: 8192, disk: 100, allocationRatios: { ram: 1.5 }, reserved: { vcpus: 2 } }
    const { limits } = host('h', words)
    expect([limits?.vcpus.limit, limits?.ram.limit, limits?.disk.limit]).toEqual([24, 11_520, 100])
  })
  test('an agent that has not reported: no limits', () => {
    expect(host('h', { silent: true }).limits).toBeUndefined()
  })
})

describe('aggregates', () => {
  test('values of several aggregates and of lists with commas', () => {
    const aggregates = [aggregate('a', { disk: 'ssd, nvme' }), aggregate('b', { disk: 'hdd', rack: '4' })]
    expect([...host('h', { aggregates }).metadata]).toEqual([
      ['disk', ['hdd', 'nvme', 'ssd']],
      ['rack', ['4']],
    ])
  })
  test('the least of several multipliers; none where one is no number', () => {
    const words = (a: string, b: string) => ({
      aggregates: [aggregate('a', { ram_weight_multiplier: a }), aggregate('b', { ram_weight_multiplier: b })],
    })
    expect(host('h', words('2', '-1.5')).multipliers).toEqual({ ram_weight_multiplier: -1.5 })
    expect(host('h', words('2', 'much')).multipliers).toBeUndefined()
  })
  test('zone: that of the first aggregate by name, else the default', () => {
    expect(host('h', { aggregates: [aggregate('b', {}, 'z2'), aggregate('a', {}, 'z1')] }).zone).toBe('z1')
    expect(host('h', { aggregates: [aggregate('a', {})] }).zone).toBe('nova')
  })
  test('by host, in the order of their names', () => {
    const named = (name: string, hosts: string[]) => ({ ...aggregate(name, {}), spec: { hosts } })
    const found = aggregatesByHost([named('b', ['h1', 'h1']), named('a', ['h1', 'h2'])])
    expect([...found].map(([name, list]) => [name, list.map((a) => a.metadata.name)])).toEqual([
      ['h1', ['a', 'b']],
      ['h2', ['a']],
    ])
  })
})

test.each([
  ['7.2.11', 7_002_011],
  ['8.2', 8_002_000],
  ['10.0.2 (Debian 1:10.0.2)', 10_000_002],
  ['', 0],
  [undefined, 0],
])('version %s counts as %d', (text, number) => expect(versionNumber(text)).toBe(number))

test('traits of CPU features, as os-traits spells them', () => {
  const { traits } = host('h', { cpu: { features: ['aes', 'avx2', 'avx512f', 'sse4.2', 'pni'] } })
  expect([...traits].sort()).toEqual([
    'HW_CPU_X86_AESNI',
    'HW_CPU_X86_AVX2',
    'HW_CPU_X86_AVX512F',
    'HW_CPU_X86_SSE3',
    'HW_CPU_X86_SSE42',
  ])
})
