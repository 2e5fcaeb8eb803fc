import { describe, expect, test } from 'vitest'
import { aggregatesByHost, parseVersion, toLimit } from './host-view.ts'
import { makeAggregate, makeHostView } from './testing.ts'

test.each([
  [16, 0, 4, 64, 16],
  [16, 2, 4, 56, 14],
  [32_768, 512, 1, 32_256, 32_256],
  [10, 0, 1.15, 11, 10],
  [8, 0, 0.5, 4, 8],
  [512, 512, 4, 0, 0],
  [256, 512, 1, 0, 0],
])(
  'toLimit: %d with %d reserved times %d gives limit %d, and %d for one server',
  (total, reserved, ratio, limit, maxPerServer) => {
    expect(toLimit(total, reserved, ratio)).toEqual({ total, reserved, ratio, limit, maxPerServer })
  },
)

describe('limits of a host', () => {
  test('default to ratios 4, 1 and 1 with 512 MiB reserved', () => {
    const { limits } = makeHostView('h', { vcpus: 8, ram: 8192, disk: 100 })
    expect([limits?.vcpus.limit, limits?.ram.limit, limits?.disk.limit]).toEqual([32, 7680, 100])
  })
  test('take each ratio and reserve that the spec sets, and the defaults for the others', () => {
    const overrides = { vcpus: 8, ram: 8192, disk: 100, allocationRatios: { ram: 1.5 }, reserved: { vcpus: 2 } }
    const { limits } = makeHostView('h', overrides)
    expect([limits?.vcpus.limit, limits?.ram.limit, limits?.disk.limit]).toEqual([24, 11_520, 100])
  })
  test('are undefined while the agent has not reported', () => {
    expect(makeHostView('h', { unreported: true }).limits).toBeUndefined()
  })
})

describe('aggregates of a host', () => {
  test('merge the values of several aggregates and of lists with commas', () => {
    const aggregates = [makeAggregate('a', { disk: 'ssd, nvme' }), makeAggregate('b', { disk: 'hdd', rack: '4' })]
    expect([...makeHostView('h', { aggregates }).metadata]).toEqual([
      ['disk', ['hdd', 'nvme', 'ssd']],
      ['rack', ['4']],
    ])
  })
  test('set the least of several multipliers, and none when one of them is not a number', () => {
    const withMultipliers = (a: string, b: string) =>
      makeHostView('h', {
        aggregates: [
          makeAggregate('a', { ram_weight_multiplier: a }),
          makeAggregate('b', { ram_weight_multiplier: b }),
        ],
      })
    expect(withMultipliers('2', '-1.5').multipliers).toEqual({ ram_weight_multiplier: -1.5 })
    expect(withMultipliers('2', 'much').multipliers).toBeUndefined()
  })
  test('set the zone of the first aggregate by name that has one, else it is nova', () => {
    const aggregates = [makeAggregate('b', {}, 'z2'), makeAggregate('a', {}, 'z1')]
    expect(makeHostView('h', { aggregates }).zone).toBe('z1')
    expect(makeHostView('h', { aggregates: [makeAggregate('a', {})] }).zone).toBe('nova')
  })
})

test('aggregatesByHost lists each aggregate once per host, in the order of names', () => {
  const withHosts = (name: string, hosts: string[]) => ({ ...makeAggregate(name, {}), spec: { hosts } })
  const found = aggregatesByHost([withHosts('b', ['h1', 'h1']), withHosts('a', ['h1', 'h2'])])
  expect([...found].map(([name, list]) => [name, list.map((a) => a.metadata.name)])).toEqual([
    ['h1', ['a', 'b']],
    ['h2', ['a']],
  ])
})

test.each([
  ['7.2.11', 7_002_011],
  ['8.2', 8_002_000],
  ['10.0.2 (Debian 1:10.0.2)', 10_000_002],
  ['', 0],
  [undefined, 0],
])('parseVersion: %s is %d', (text, number) => expect(parseVersion(text)).toBe(number))

test('traits of a host are its CPU features, spelled as in os-traits', () => {
  const { traits } = makeHostView('h', { cpu: { features: ['aes', 'avx2', 'avx512f', 'sse4.2', 'pni'] } })
  expect([...traits].sort()).toEqual([
    'HW_CPU_X86_AESNI',
    'HW_CPU_X86_AVX2',
    'HW_CPU_X86_AVX512F',
    'HW_CPU_X86_SSE3',
    'HW_CPU_X86_SSE42',
  ])
})
