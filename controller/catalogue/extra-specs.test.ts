import { expect, it } from 'vitest'
import { withoutEffect } from './extra-specs.ts'

it.each([
  ['hw:watchdog_action', []],
  ['hw_rng:rate_bytes', []],
  ['trait2:HW_CPU_X86_AVX2', []],
  ['resources:VGPU', []],
  ['capabilities:cpu_info:features', []],
  ['aggregate_instance_extra_specs:ssd', []],
  ['team', []],
  ['hw:cpu_policy', ['hw:cpu_policy']],
  ['quota:cpu_shares', ['quota:cpu_shares']],
  ['hw:watchdog_action2', ['hw:watchdog_action2']],
])('%s', (name, found) => expect(withoutEffect({ [name]: 'x' })).toEqual(found))

it('of none, nothing; of several, in order', () => {
  expect(withoutEffect()).toEqual([])
  expect(withoutEffect({ 'quota:b': '1', 'hw:a': '1' })).toEqual(['hw:a', 'quota:b'])
})
