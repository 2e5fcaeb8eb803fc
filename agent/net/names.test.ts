import { describe, expect, test } from 'vitest'
import {
  bridgeName,
  dhcpMac,
  dhcpPortName,
  namespaceName,
  networkKey,
  networkKeyFromDeviceName,
  tapName,
} from './names.ts'

const ID = '0a1b2c3d-4e5f-4a6b-8c7d-8e9f0a1b2c3d'

describe('names', () => {
  test('bridgeName uses the first 12 digits of the network id, tapName the first 11 characters of the port id', () => {
    expect(bridgeName(ID)).toBe('kn0a1b2c3d4e5f')
    expect(bridgeName(ID).length).toBeLessThan(16)
    expect(tapName('11111111-2222-4333-8444-555555555555')).toBe('tap11111111-22')
  })

  test('networkKey hashes an id that is not a UUID', () => {
    expect(networkKey('net-a')).toMatch(/^[0-9a-f]{12}$/)
    expect(networkKey('net-a')).not.toBe(networkKey('net-b'))
  })

  test.each([
    [bridgeName(ID), '0a1b2c3d4e5f'],
    [dhcpPortName('0a1b2c3d4e5f'), '0a1b2c3d4e5f'],
    [namespaceName('0a1b2c3d4e5f'), '0a1b2c3d4e5f'],
    ['kn0a1b2c', undefined],
    ['kn0a1b2c-3d4e5f', undefined],
    ['tap0a1b2c3d-4e', undefined],
    ['knowledgebase0', undefined],
  ])('keyFromName of %s is %s', (name, key) => {
    expect(networkKeyFromDeviceName(name)).toBe(key)
  })

  test('dhcpMac gives each network its own locally administered MAC', () => {
    expect(dhcpMac(ID)).toMatch(/^02:6b:6e(:[0-9a-f]{2}){3}$/)
    expect(dhcpMac(ID)).not.toBe(dhcpMac(`${ID}x`))
  })
})
