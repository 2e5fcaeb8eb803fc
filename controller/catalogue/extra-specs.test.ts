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

it('ineffectiveExtraSpecs sorts several names, and returns none without extra specs', () => {
  expect(ineffectiveExtraSpecs()).toEqual([])
  expect(ineffectiveExtraSpecs({ 'quota:b': '1', 'hw:a': '1' })).toEqual(['hw:a', 'quota:b'])
})
