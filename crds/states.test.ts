import { describe, expect, it } from 'vitest'
import { type DomainPower, type Mode, type VmState, vmStateOf } from './states.ts'

describe('vmStateOf', () => {
  const rows: [Mode, DomainPower, VmState][] = [
    ['normal', 'running', 'active'],
    ['normal', 'paused', 'paused'],
    ['normal', 'saved', 'suspended'],
    ['normal', 'off', 'stopped'],
    ['normal', 'crashed', 'stopped'],
    ['normal', 'pmsuspended', 'active'],
    ['normal', 'missing', 'stopped'],
    ['rescued', 'running', 'rescued'],
    ['rescued', 'paused', 'rescued'],
    ['rescued', 'off', 'rescued'],
    ['rescued', 'missing', 'rescued'],
    ['resized', 'running', 'resized'],
    ['resized', 'off', 'resized'],
    ['shelved', 'off', 'shelved'],
    ['shelvedOffloaded', 'missing', 'shelved_offloaded'],
    ['softDeleted', 'off', 'soft-delete'],
    ['softDeleted', 'running', 'soft-delete'],
  ]

  it.each(rows)('for mode %s and a domain that is %s is %s', (mode, power, vmState) => {
    expect(vmStateOf({ mode, power, launched: true, fault: false })).toBe(vmState)
  })

  it.each(rows)('is building in mode %s with a domain that is %s when the server was never launched', (mode, power) => {
    expect(vmStateOf({ mode, power, launched: false, fault: false })).toBe('building')
  })

  it.each(rows)('is error in mode %s with a domain that is %s when the server has a fault', (mode, power) => {
    expect(vmStateOf({ mode, power, launched: true, fault: true })).toBe('error')
    expect(vmStateOf({ mode, power, launched: false, fault: true })).toBe('error')
  })
})
