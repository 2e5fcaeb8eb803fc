import { describe, expect, it } from 'vitest'
import { chooseCpuTopology } from './cpu-topology.ts'

/** The choice as text: 2:4:1 for two sockets with four cores with one thread each, or the problem. */
function choose(vcpus: number, extraSpecs: Record<string, string>, properties: Record<string, string>): string {
  const { topology, problem } = chooseCpuTopology({ flavor: { vcpus, extraSpecs }, properties })
  return problem ?? `${topology.sockets}:${topology.cores}:${topology.threads}`
}

const prefer = (sockets: number, cores: number, threads: number) => ({
  'hw:cpu_sockets': `${sockets}`,
  'hw:cpu_cores': `${cores}`,
  'hw:cpu_threads': `${threads}`,
})
type Row = [expected: string, vcpus: number, extraSpecs: Record<string, string>, properties: Record<string, string>]

// The rows up to the blank line are those of Nova's test_best_config and test_sorting_topologies.
describe('chooseCpuTopology chooses', () => {
  const rows: Row[] = [
    ['8:2:1', 16, prefer(8, 2, 1), {}],
    [
      '4:2:2',
      16,
      { ...prefer(8, 2, 1), 'hw:cpu_max_threads': '2' },
      { hw_cpu_sockets: '4', hw_cpu_cores: '2', hw_cpu_threads: '2' },
    ],
    ['2:8:1', 16, prefer(8, 2, 1), { hw_cpu_sockets: '2' }],
    ['16:1:1', 16, { 'hw:cpu_max_threads': '1' }, {}],
    ['16:1:1', 16, { 'hw:cpu_max_cores': '8', 'hw:cpu_max_threads': '1' }, {}],
    [
      '4:4:1',
      16,
      { 'hw:cpu_max_sockets': '8', 'hw:cpu_max_cores': '8', 'hw:cpu_max_threads': '1' },
      { hw_cpu_max_sockets: '4' },
    ],
    ['16:1:1', 16, prefer(2, 8, 1), { hw_cpu_max_cores: '4' }],
    ['2:4:1', 8, { 'hw:cpu_cores': '4', 'hw:cpu_max_threads': '2' }, {}],
    ['4:1:2', 8, { 'hw:cpu_threads': '2', 'hw:cpu_max_cores': '1', 'hw:cpu_max_threads': '2' }, {}],

    ['1:1:1', 1, {}, {}],
    ['6:1:1', 6, {}, {}],
    ['2:3:1', 6, { 'hw:cpu_max_sockets': '2' }, {}],
    ['1:7:1', 7, {}, { hw_cpu_max_sockets: '2' }],
    ['4:1:2', 8, {}, { hw_cpu_threads: '2' }],
    ['8:1:1', 8, { 'hw:cpu_sockets': '3' }, {}],
    ['8:1:1', 8, { 'hw:cpu_sockets': 'many' }, { hw_cpu_sockets: '' }],
    ['512:1:2', 1024, { 'hw:cpu_max_sockets': '512', 'hw:cpu_max_cores': '1' }, {}],
  ]
  it.each(rows)('%s for %i vCPUs with extra specs %j and properties %j', (expected, ...given) =>
    expect(choose(...given)).toBe(expected),
  )
})

describe('chooseCpuTopology for Windows chooses', () => {
  const rows: Row[] = [
    ['1:1:1', 1, {}, {}],
    ['2:1:1', 2, {}, {}],
    ['1:3:1', 3, {}, {}],
    ['2:4:1', 8, {}, {}],
    ['2:2:2', 8, { 'hw:cpu_cores': '2' }, {}],
    ['4:2:1', 8, { 'hw:cpu_sockets': '4' }, {}],
    ['4:2:1', 8, {}, { hw_cpu_sockets: '4' }],
    ['4:2:1', 8, { 'hw:cpu_max_sockets': '4' }, {}],
    ['1:8:1', 8, {}, { hw_cpu_max_sockets: '1' }],
    ['8:1:1', 8, { 'hw:cpu_max_cores': '1', 'hw:cpu_max_threads': '1' }, {}],
  ]
  it.each(rows)('%s for %i vCPUs with extra specs %j and properties %j', (expected, vcpus, extraSpecs, properties) =>
    expect(choose(vcpus, extraSpecs, { os_type: 'windows', ...properties })).toBe(expected),
  )
})

describe('chooseCpuTopology reports', () => {
  const rows: Row[] = [
    [
      'hw_cpu_max_cores of the image is 16, and the flavor allows 8 cores: change the property, or take another flavor',
      16,
      { 'hw:cpu_max_cores': '8', 'hw:cpu_max_threads': '1' },
      { hw_cpu_max_cores: '16' },
    ],
    [
      'hw_cpu_cores of the image is 16, and the limit allows 8 cores: change the property, or take another flavor',
      16,
      { 'hw:cpu_max_cores': '8' },
      { hw_cpu_cores: '16' },
    ],
    [
      'hw_cpu_sockets of the image is 4, and the limit allows 2 sockets: change the property, or take another flavor',
      8,
      {},
      { hw_cpu_sockets: '4', hw_cpu_max_sockets: '2' },
    ],
    [
      '8 virtual CPUs cannot be made of at most 2 sockets, 1 cores, 1 threads: raise the hw:cpu_max_* or hw_cpu_max_* limits, or take a flavor with other vcpus',
      8,
      { 'hw:cpu_max_sockets': '2' },
      { hw_cpu_max_cores: '1', hw_cpu_max_threads: '1' },
    ],
    [
      '7 virtual CPUs cannot be made of at most 2 sockets, 3 cores, 2 threads: raise the hw:cpu_max_* or hw_cpu_max_* limits, or take a flavor with other vcpus',
      7,
      { 'hw:cpu_max_sockets': '2', 'hw:cpu_max_cores': '3', 'hw:cpu_max_threads': '2' },
      {},
    ],
  ]
  it.each(rows)('%s for %i vCPUs with extra specs %j and properties %j', (expected, ...given) =>
    expect(choose(...given)).toBe(expected),
  )
})
