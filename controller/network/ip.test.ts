import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatIP, parseCIDR, parseIP } from './ip.ts'

test.each([
  ['10.0.0.5', '10.0.0.5'],
  ['255.255.255.255', '255.255.255.255'],
  ['2001:DB8:0::0:1', '2001:db8::1'],
  ['::', '::'],
  ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ['10.0.0.05', undefined],
  ['10.0.0.5/24', undefined],
  ['fe80::1%eth0', undefined],
  ['10.0.0', undefined],
  ['', undefined],
])('parseIP and formatIP: %s is %s', (text, canonical) => {
  const ip = parseIP(text)
  expect(ip && formatIP(ip)).toBe(canonical)
})

test.each([
  ['10.0.0.0/24', '10.0.0.0', '10.0.0.255'],
  ['10.0.0.77/26', '10.0.0.64', '10.0.0.127'],
  ['0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
  ['10.0.0.7/32', '10.0.0.7', '10.0.0.7'],
  ['2001:db8::/64', '2001:db8::', '2001:db8::ffff:ffff:ffff:ffff'],
])('parseCIDR: %s reaches from %s to %s', (text, first, last) => {
  const cidr = parseCIDR(text)!
  expect([
    formatIP({ family: cidr.family, value: cidr.first }),
    formatIP({ family: cidr.family, value: cidr.last }),
  ]).toEqual([first, last])
})

test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/24/24', '2001:db8::/129', 'x/8', '10.0.0.0/-1'])(
  'parseCIDR: %s is no CIDR',
  (text) => expect(parseCIDR(text)).toBeUndefined(),
)

test.each([
  [4, 32n],
  [6, 128n],
] as const)('parseIP gives back the IPv%s address that formatIP printed', (family, bits) => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** bits - 1n), (value) => {
      expect(parseIP(formatIP({ family, value }))).toEqual({ family, value })
    }),
  )
})
