import { expect, test } from 'vitest'
import { makeHostView, makeRequest } from '../testing.ts'
import { computeCapabilitiesFilter } from './compute-capabilities.ts'

const host = makeHostView('h', {
  ram: 2048,
  disk: 100,
  used: { ram: 512, disk: 90, vcpus: 3, servers: 2, ioOps: 1 },
  cpu: { vendor: 'Intel', model: 'core2duo', features: ['lahf_lm', 'rdtscp'], sockets: 1, cores: 2, threads: 1 },
})

function passes(extraSpecs: Record<string, string>): boolean {
  return computeCapabilitiesFilter.prepare(makeRequest({ flavor: { extraSpecs } }))?.passes(host) ?? true
}

test.each([
  [{}, true],
  [{ 'capabilities:cpu_info:vendor': 'Intel' }, true],
  [{ 'capabilities:cpu_info:vendor': 'AMD' }, false],
  [{ 'capabilities:cpu_info:topology:cores': '>= 2' }, true],
  [{ 'capabilities:cpu_info:topology:cores': '>= 3' }, false],
  [{ 'capabilities:cpu_info:features': '<in> rdtscp' }, true],
  [{ 'capabilities:cpu_info:features': '<all-in> rdtscp lahf_lm' }, true],
  [{ 'capabilities:cpu_info:features': '<all-in> rdtscp avx' }, false],
  [{ 'capabilities:cpu_info:arch': 'x86_64' }, true],
  [{ 'capabilities:cpu_info:vendor:name': 'Intel' }, false],
  [{ 'capabilities:opts': '1' }, false],
  [{ 'capabilities:constructor': '1' }, false],
  [{ 'capabilities:hypervisor_type': 's== QEMU', 'capabilities:hypervisor_version': '>= 8002000' }, true],
  [{ 'capabilities:hypervisor_version': '>= 9000000' }, false],
  [{ XXYY: '1' }, true],
  [{ 'wrong_scope:opt1': '1' }, true],
  [{ free_ram_mb: '>= 300' }, true],
  [{ free_ram_mb: '== 1024' }, true],
  [{ free_ram_mb: '<= 300' }, false],
  [{ vcpus_used: '<= 20' }, true],
  [{ vcpus_used: '>= 20' }, false],
  [{ free_disk_mb: '10240' }, true],
  [{ free_disk_mb: '1' }, false],
  [{ num_instances: '2', num_io_ops: '1', host: 'h' }, true],
])('ComputeCapabilitiesFilter: %j passes: %j', (extraSpecs, ok) =>
  expect(passes(extraSpecs as Record<string, string>)).toBe(ok),
)

test('ComputeCapabilitiesFilter names the required and the actual value when it rejects', () => {
  const filter = computeCapabilitiesFilter.prepare(
    makeRequest({ flavor: { extraSpecs: { 'capabilities:cpu_info:model': 's== Skylake' } } }),
  )
  expect(filter?.reject(host).detail).toBe('need cpu_info:model s== Skylake, has core2duo')
})
