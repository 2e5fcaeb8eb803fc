import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Subnet } from '../../crds/index.ts'
import { cidrContains, formatIP, parseCIDR, parseIP } from './ip.ts'
import { isInPool, parseRequestedAddress, poolOf, poolSizeOf, poolsOf } from './pool.ts'
import { dhcpAddressOf } from './reserved.ts'
import { makeSubnet } from './testing.ts'

function formatRanges(s: Subnet): string {
  const pool = poolOf(s)
  const ip = (value: bigint) => formatIP({ family: pool.cidr.family, value })
  return pool.ranges.map((r) => `${ip(r.first)}-${ip(r.last)}`).join(' ')
}

test.each([
  [makeSubnet('10.0.0.0/24', { gateway: '10.0.0.1' }), '10.0.0.2-10.0.0.253', 252n],
  [makeSubnet('10.0.0.0/24'), '10.0.0.1-10.0.0.253', 253n],
  [makeSubnet('10.0.0.0/24', { dhcp: false }), '10.0.0.1-10.0.0.254', 254n],
  [makeSubnet('10.0.0.0/24', { dhcp: false, dhcpAddress: '10.0.0.2' }), '10.0.0.1-10.0.0.1 10.0.0.3-10.0.0.254', 253n],
  [makeSubnet('10.0.0.0/24', { gateway: '10.0.0.254' }), '10.0.0.1-10.0.0.252', 252n],
  [
    makeSubnet('10.0.0.0/24', { gateway: '10.0.0.100', dhcpAddress: '10.0.0.200' }),
    '10.0.0.1-10.0.0.99 10.0.0.101-10.0.0.199 10.0.0.201-10.0.0.254',
    252n,
  ],
  [
    makeSubnet('10.0.0.0/24', {
      gateway: '10.0.0.15',
      pools: [
        { start: '10.0.0.20', end: '10.0.0.30' },
        { start: '10.0.0.10', end: '10.0.0.19' },
        { start: '10.0.0.25', end: '10.0.0.26' },
        { start: '10.0.0.250', end: '10.0.0.255' },
      ],
    }),
    '10.0.0.10-10.0.0.14 10.0.0.16-10.0.0.30 10.0.0.250-10.0.0.253',
    24n,
  ],
  [makeSubnet('10.0.0.0/24', { pools: [{ start: '10.0.0.9', end: '10.0.0.1' }] }), '', 0n],
  [makeSubnet('10.0.0.0/24', { pools: [{ start: '10.0.0.9', end: '10.0.1.1' }] }), '', 0n],
  [makeSubnet('10.0.0.0/30', { gateway: '10.0.0.1' }), '10.0.0.2-10.0.0.2', 1n],
  [makeSubnet('10.0.0.0/30', { gateway: '10.0.0.1', dhcp: false }), '10.0.0.2-10.0.0.2', 1n],
  // In a subnet of /30 or smaller, DHCP answers from outside the subnet, so the pool loses no address to DHCP.
  [makeSubnet('10.0.0.0/30'), '10.0.0.1-10.0.0.2', 2n],
  [makeSubnet('10.0.0.0/30', { gateway: '10.0.0.1', dhcpAddress: '10.0.0.2' }), '', 0n],
  [makeSubnet('10.0.0.0/31', { gateway: '10.0.0.0' }), '10.0.0.1-10.0.0.1', 1n],
  [makeSubnet('10.0.0.4/32', { gateway: '169.254.0.1' }), '10.0.0.4-10.0.0.4', 1n],
  [makeSubnet('10.0.0.0/31', { dhcp: false }), '10.0.0.0-10.0.0.1', 2n],
  [makeSubnet('10.0.0.4/32', { dhcp: false }), '10.0.0.4-10.0.0.4', 1n],
  [
    makeSubnet('2001:db8::/64', { gateway: '2001:db8::1' }),
    '2001:db8::2-2001:db8::ffff:ffff:ffff:fffe',
    2n ** 64n - 3n,
  ],
  [makeSubnet('2001:db8::/127', { dhcp: false }), '2001:db8::-2001:db8::1', 2n],
])('poolOf: %j has %s', (s, ranges, total) => {
  expect(formatRanges(s)).toBe(ranges)
  expect(poolOf(s).total).toBe(total)
})

test.each([
  [makeSubnet('10.0.0.0/24'), '10.0.0.254'],
  [makeSubnet('10.0.0.0/24', { gateway: '10.0.0.254' }), '10.0.0.253'],
  [makeSubnet('10.0.0.0/24', { dhcpAddress: '10.0.0.2' }), '10.0.0.2'],
  [makeSubnet('10.0.0.0/24', { dhcp: false, dhcpAddress: '10.0.0.2' }), undefined],
  [makeSubnet('2001:db8::/64', { dhcpAddress: '2001:DB8::0002' }), '2001:db8::2'],
  [makeSubnet('2001:db8::/64'), '2001:db8::ffff:ffff:ffff:ffff'],
  [makeSubnet('10.0.0.0/29'), '10.0.0.6'],
  [makeSubnet('10.0.0.0/30'), '169.254.67.67'],
  [makeSubnet('10.0.0.0/31'), '169.254.67.67'],
  [makeSubnet('203.0.113.7/32', { gateway: '169.254.0.1' }), '169.254.67.67'],
  [makeSubnet('203.0.113.7/32', { gateway: '169.254.67.67', dnsServers: ['169.254.67.68'] }), '169.254.67.69'],
  [makeSubnet('10.0.0.0/29', { dhcpAddress: '169.254.0.9' }), '169.254.0.9'],
  [
    makeSubnet('10.0.0.0/24', {
      gateway: '10.0.0.254',
      dnsServers: ['10.0.0.253'],
      hostRoutes: [{ destination: '10.8.0.0/16', nextHop: '10.0.0.252' }],
    }),
    '10.0.0.251',
  ],
  [makeSubnet('2001:db8::/64', { dnsServers: ['2001:db8::FFFF:ffff:ffff:ffff'] }), '2001:db8::ffff:ffff:ffff:fffe'],
])('dhcpAddressOf: DHCP of %j answers from %s', (s, address) => expect(dhcpAddressOf(s)).toBe(address))

describe('an address that a subnet names', () => {
  const hostRoutes = [
    { destination: '10.8.0.0/16', nextHop: '10.95.0.3' },
    { destination: '10.9.0.0/16', nextHop: '10.95.0.254' },
  ]
  const named = makeSubnet('10.95.0.0/24', { gateway: '10.95.0.1', dnsServers: ['10.95.0.2', '9.9.9.9'], hostRoutes })

  test('is not in the pool, and DHCP does not answer from it', () => {
    expect(formatRanges(named)).toBe('10.95.0.4-10.95.0.252')
    expect(dhcpAddressOf(named)).toBe('10.95.0.253')
  })
  test('is not in the pool even if a configured pool contains it', () => {
    const pools = [{ start: '10.95.0.2', end: '10.95.0.5' }]
    expect(formatRanges({ ...named, pools })).toBe('10.95.0.4-10.95.0.5')
  })
  test('is not in the pool if the other subnet of the network names it, however it is spelt', () => {
    const other = makeSubnet('2001:db8::/125', { dhcp: false, dnsServers: ['10.95.0.2', '2001:DB8:0::7'] })
    const pools = poolsOf([makeSubnet('10.95.0.0/29'), other])
    expect(pools.map((pool) => pool.ranges.map(({ first, last }) => [first & 7n, last & 7n]))).toEqual([
      [
        [1n, 1n],
        [3n, 5n],
      ],
      [[1n, 6n]],
    ])
  })
  test('is given to a server that asks for it, as a server may be the resolver or the router', () => {
    for (const address of ['10.95.0.2', '10.95.0.3', '10.95.0.254'])
      expect(parseRequestedAddress([poolOf(named)], address).ip).toEqual(parseIP(address))
    expect(() => parseRequestedAddress([poolOf(named)], '10.95.0.253')).toThrow('the address that DHCP answers from')
  })
})

describe('the next hop of a default route', () => {
  const hostRoutes = [{ destination: '0.0.0.0/0', nextHop: '10.95.0.7' }]
  test('is given to no server, even one that asks for it', () => {
    const pool = poolOf(makeSubnet('10.95.0.0/24', { hostRoutes }))
    expect(() => parseRequestedAddress([pool], '10.95.0.7')).toThrow(
      '10.95.0.7 is the next hop of the default route of 10.95.0.0/24: ask for another address',
    )
  })
  test('and a gateway are given to no server when another subnet of the network names them', () => {
    const subnets = [
      makeSubnet('10.95.0.0/29'),
      makeSubnet('203.0.113.0/28', { gateway: '10.95.0.6', onLink: true }),
      makeSubnet('198.51.100.0/28', { hostRoutes }),
    ]
    const [pool] = poolsOf(subnets)
    expect(pool && [...pool.reserved]).toContainEqual([parseIP('10.95.0.6')?.value, 'the gateway'])
    expect(pool?.ranges.map(({ first, last }) => [first & 7n, last & 7n])).toEqual([[1n, 4n]])
    expect(dhcpAddressOf(subnets[0] as Subnet, subnets)).toBe('10.95.0.5')
  })
})

test('poolSizeOf cuts a total that is larger than a safe integer', () => {
  expect(poolSizeOf(poolOf(makeSubnet('2001:db8::/32')))).toBe(Number.MAX_SAFE_INTEGER)
  expect(poolSizeOf(poolOf(makeSubnet('10.0.0.0/24')))).toBe(253)
})

describe('parseRequestedAddress', () => {
  const pools = [
    poolOf(makeSubnet('10.0.0.0/24', { gateway: '10.0.0.1', pools: [{ start: '10.0.0.100', end: '10.0.0.200' }] })),
    poolOf(makeSubnet('2001:db8::/64')),
  ]
  test.each(['10.0.0.150', '10.0.0.9', '2001:DB8::5'])('accepts %s, whether in a pool or not', (address) => {
    expect(parseRequestedAddress(pools, address).ip).toEqual(parseIP(address))
  })
  test.each([
    ['10.0.0.1', 'AddressReserved', '10.0.0.1 is the gateway of 10.0.0.0/24: ask for another address'],
    ['10.0.0.0', 'AddressReserved', '10.0.0.0 is the network address of 10.0.0.0/24: ask for another address'],
    ['10.0.0.255', 'AddressReserved', '10.0.0.255 is the broadcast address of 10.0.0.0/24: ask for another address'],
    [
      '10.0.0.254',
      'AddressReserved',
      '10.0.0.254 is the address that DHCP answers from of 10.0.0.0/24: ask for another address',
    ],
    [
      '10.0.1.5',
      'AddressOutsideSubnets',
      '10.0.1.5 is in no subnet of the network: the network has 10.0.0.0/24 and 2001:db8::/64',
    ],
    ['ten', 'InvalidAddress', 'ten is no IP address'],
  ])('throws for %s: %s', (address, code, message) => {
    expect(() => parseRequestedAddress(pools, address)).toThrow(
      expect.objectContaining({ kind: 'Refused', code, message }),
    )
  })
  test('throws for any address of a network without subnets', () => {
    expect(() => parseRequestedAddress([], '10.0.0.5')).toThrow('the network has no subnets')
  })
})

test('isInPool is true for as many addresses as the total says, none reserved and none outside the subnet', () => {
  const octet = fc.integer({ min: 0, max: 255 })
  const pools = fc.array(fc.tuple(octet, octet), { maxLength: 5 })
  fc.assert(
    fc.property(fc.integer({ min: 24, max: 32 }), octet, octet, fc.boolean(), pools, (length, gw, dhcp, on, list) => {
      const cidr = parseCIDR(`10.0.0.0/${length}`)!
      const inside = (n: number) =>
        formatIP({ family: 4, value: cidr.first + (BigInt(n) % (cidr.last - cidr.first + 1n)) })
      const s = makeSubnet(`10.0.0.0/${length}`, {
        gateway: inside(gw),
        dhcp: on,
        ...(dhcp % 2 ? { dhcpAddress: inside(dhcp) } : {}),
        pools: list.map(([a, b]) => ({ start: inside(a), end: inside(b) })),
      })
      const pool = poolOf(s)
      let count = 0n
      for (let v = cidr.first - 1n; v <= cidr.last + 1n; v++) {
        if (!isInPool(pool, { family: pool.cidr.family, value: v })) continue
        count++
        expect(cidrContains(cidr, { family: 4, value: v })).toBe(true)
        expect(pool.reserved.has(v)).toBe(false)
      }
      expect(count).toBe(pool.total)
    }),
  )
})
