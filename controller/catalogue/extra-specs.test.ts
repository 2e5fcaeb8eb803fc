import { expect, it } from 'vitest'
import { ineffectiveExtraSpecs } from './extra-specs.ts'

it.each([
  ['hw:watchdog_action', []],
  ['hw_rng:rate_bytes', []],
  ['hw:cpu_max_sockets', []],
  ['hw:cpu_threads', []],
  ['trait2:HW_CPU_X86_AVX2', []],
  ['resources:VGPU', []],
  ['capabilities:cpu_info:features', []],
  ['aggregate_instance_extra_specs:ssd', []],
  ['team', []],
  ['hw:cpu_policy', ['hw:cpu_policy']],
  ['quota:cpu_shares', ['quota:cpu_shares']],
  ['hw:watchdog_action2', ['hw:watchdog_action2']],
])('ineffectiveExtraSpecs: of %s, %j', (name, expected) =>
  expect(ineffectiveExtraSpecs({ [name]: 'x' })).toEqual(expected),
)

it('ineffectiveExtraSpecs leaves out what is required of hosts, and values that ask for what every guest gets', () => {
  const required = { 'os:secure_boot': 'required', 'hw:tpm_version': '2.0', 'pci_passthrough:alias': 'a:1' }
  expect(ineffectiveExtraSpecs({ ...required, 'hw:cpu_policy': 'shared', 'hw:mem_page_size': 'any' })).toEqual([])
  expect(ineffectiveExtraSpecs({ 'hw:cpu_policy': 'mixed', 'hw:tpm_model': 'tpm-crb' })).toEqual([
    'hw:cpu_policy',
    'hw:tpm_model',
  ])
})

it('ineffectiveExtraSpecs sorts several names, and returns none without extra specs', () => {
  expect(ineffectiveExtraSpecs()).toEqual([])
  expect(ineffectiveExtraSpecs({ 'quota:b': '1', 'hw:a': '1' })).toEqual(['hw:a', 'quota:b'])
})
