import fc from 'fast-check'
import { expect, test } from 'vitest'
import { linkLocalFromMac, netmaskOf, networkAddressOf, toIPv6Hex } from './addresses.ts'

test.each([
  ['10.0.0.5', 24, '10.0.0.0'],
  ['10.0.7.255', 22, '10.0.4.0'],
  ['192.0.2.1', 32, '192.0.2.1'],
  ['fd00::5:5', 64, 'fd00::'],
])('networkAddressOf %s/%i is %s', (address, length, network) => {
  expect(networkAddressOf(address, length)).toBe(network)
})

test('netmaskOf has as many ones as the prefix is long', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 32 }), (length) => {
      const bits = netmaskOf(length)
        .split('.')
        .map((part) => Number(part).toString(2).padStart(8, '0'))
        .join('')
      expect(bits).toBe('1'.repeat(length).padEnd(32, '0'))
    }),
  )
})

test('linkLocalFromMac follows EUI-64: the example of RFC 4291, appendix A, and one of Neutron', () => {
  expect(linkLocalFromMac('34:56:78:9a:bc:de')).toBe('fe80::3656:78ff:fe9a:bcde')
  expect(linkLocalFromMac('fa:16:3e:00:00:05')).toBe('fe80::f816:3eff:fe00:5')
})

test('toIPv6Hex pads an IPv6 address to 32 digits', () => {
  expect(toIPv6Hex('fd00::5')).toBe('0xfd000000000000000000000000000005')
  expect(toIPv6Hex('::1')).toBe('0x00000000000000000000000000000001')
})
