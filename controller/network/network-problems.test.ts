import { describe, expect, test } from 'vitest'
import { findBridgeProblems, findSubnetProblems } from './network-problems.ts'
import { makeNetwork, makeSubnet } from './testing.ts'

const pool = (start: string, end: string) => ({ start, end })

test.each([
  [makeSubnet('10.0.0.0/24', { gateway: '10.0.0.1' }), []],
  [
    makeSubnet('10.0.0.0/24', {
      gateway: '10.0.0.1',
      dhcpAddress: '10.0.0.2',
      pools: [pool('10.0.0.10', '10.0.0.20'), pool('10.0.0.21', '10.0.0.30')],
    }),
    [],
  ],
  [
    makeSubnet('10.0.0.0/24', { pools: [pool('10.0.0.10', '10.0.0.20'), pool('10.0.0.20', '10.0.0.30')] }),
    ['PoolsOverlap: pools 10.0.0.10 to 10.0.0.20 and 10.0.0.20 to 10.0.0.30 of 10.0.0.0/24 overlap'],
  ],
  [
    makeSubnet('10.0.0.0/24', { pools: [pool('10.0.0.20', '10.0.0.10')] }),
    ['PoolEndBeforeStart: pool 10.0.0.20 to 10.0.0.10 of 10.0.0.0/24 ends before it starts'],
  ],
  [
    makeSubnet('10.0.0.0/24', { pools: [pool('10.0.0.20', '10.0.1.10')] }),
    ['PoolOutsideSubnet: pool 10.0.0.20 to 10.0.1.10 is not within 10.0.0.0/24'],
  ],
  [
    makeSubnet('10.0.0.0/24', {
      gateway: '10.0.0.10',
      dhcpAddress: '10.0.0.11',
      pools: [pool('10.0.0.10', '10.0.0.20')],
    }),
    [
      'AddressInPool: gateway 10.0.0.10 lies in pool 10.0.0.10 to 10.0.0.20: leave it out of the pools',
      'AddressInPool: dhcpAddress 10.0.0.11 lies in pool 10.0.0.10 to 10.0.0.20: leave it out of the pools',
    ],
  ],
  [
    makeSubnet('10.0.0.0/24', { gateway: '10.0.0.255' }),
    ['AddressNotUsable: gateway 10.0.0.255 is the network or broadcast address of 10.0.0.0/24'],
  ],
  [
    makeSubnet('10.0.0.0/24', { gateway: '10.0.0.1', dhcpAddress: '10.0.0.1' }),
    [
      'DuplicateAddress: gateway and dhcpAddress of 10.0.0.0/24 are both 10.0.0.1: DHCP needs an address of its own, the same on every host',
    ],
  ],
  // The API server's schema cannot compare IPv6 addresses, so only the controller checks these rules.
  [
    makeSubnet('fd00::/64', {
      gateway: 'fd00::1',
      dhcpAddress: 'fd00::2',
      pools: [pool('fd00::10', 'fd00::1f'), pool('fd00::20', 'fd00::ffff:ffff')],
    }),
    [],
  ],
  [
    makeSubnet('fd00::/64', { pools: [pool('fd00::9', 'fd00::10'), pool('fd00::a', 'fd00:0:0:0::a')] }),
    ['PoolsOverlap: pools fd00::9 to fd00::10 and fd00::a to fd00:0:0:0::a of fd00::/64 overlap'],
  ],
  [
    makeSubnet('fd00::/64', { pools: [pool('fd00::10', 'fd00::9')] }),
    ['PoolEndBeforeStart: pool fd00::10 to fd00::9 of fd00::/64 ends before it starts'],
  ],
  [
    makeSubnet('fd00::/64', { pools: [pool('fd00::1', 'fd00:0:0:1::1')] }),
    ['PoolOutsideSubnet: pool fd00::1 to fd00:0:0:1::1 is not within fd00::/64'],
  ],
  [
    makeSubnet('fd00::/64', { gateway: 'fd00::10', dhcpAddress: 'fd00::0:9', pools: [pool('fd00::9', 'fd00::10')] }),
    [
      'AddressInPool: gateway fd00::10 lies in pool fd00::9 to fd00::10: leave it out of the pools',
      'AddressInPool: dhcpAddress fd00::0:9 lies in pool fd00::9 to fd00::10: leave it out of the pools',
    ],
  ],
  [
    makeSubnet('fd00::/64', { gateway: 'fd00::1', dhcpAddress: 'fd00:0::1' }),
    [
      'DuplicateAddress: gateway and dhcpAddress of fd00::/64 are both fd00::1: DHCP needs an address of its own, the same on every host',
    ],
  ],
  [
    makeSubnet('10.0.0.0/30', { gateway: '10.0.0.1', dhcpAddress: '10.0.0.2' }),
    [
      'NetworkTooSmall: 10.0.0.0/30 has no address left for servers beside its gateway, its DHCP address, resolvers and next hops of routes: use a larger range',
    ],
  ],
  [
    makeSubnet('10.0.0.0/29', {
      gateway: '10.0.0.1',
      dnsServers: ['10.0.0.2', '10.0.0.3', '10.0.0.4'],
      hostRoutes: [{ destination: '10.8.0.0/16', nextHop: '10.0.0.5' }],
    }),
    [
      'NetworkTooSmall: 10.0.0.0/29 has no address left for servers beside its gateway, its DHCP address, resolvers and next hops of routes: use a larger range',
    ],
  ],
  // Subnets as hosting companies assign them: with no address to spare for DHCP, or with a gateway outside the subnet.
  [makeSubnet('203.0.113.7/32', { gateway: '169.254.0.1' }), []],
  [makeSubnet('203.0.113.6/31', { gateway: '203.0.113.6' }), []],
  [makeSubnet('203.0.113.4/30', { gateway: '203.0.113.5' }), []],
  [makeSubnet('2001:db8:50::/64', { gateway: 'fe80::1' }), []],
])('findSubnetProblems: %j has %j', (s, expected) => {
  expect(findSubnetProblems(makeNetwork([s])).map((p) => `${p.reason}: ${p.message}`)).toEqual(expected)
})

describe('findBridgeProblems', () => {
  const makeOnBridge = (name: string, cidr: string, more = {}) =>
    makeNetwork([makeSubnet(cidr)], { name, bridge: 'br0', created: '2026-01-02T00:00:00Z', ...more })
  const older = { created: '2026-01-01T00:00:00Z' }
  const messagesOf = (a: ReturnType<typeof makeOnBridge>, b: ReturnType<typeof makeOnBridge>) =>
    findBridgeProblems(a, [a, b]).map((p) => p.message)

  test('reports an overlap for the younger network only', () => {
    const [young, old] = [makeOnBridge('young', '10.0.0.0/24'), makeOnBridge('older', '10.0.0.128/25', older)]
    expect(messagesOf(young, old)).toEqual([
      '10.0.0.0/24 overlaps a subnet of Network ns/older on the same bridge br0: use another range, or the other network with shared: true',
    ])
    expect(messagesOf(old, young)).toEqual([])
  })
  test('reports an overlap of IPv6 subnets', () => {
    const [young, old] = [makeOnBridge('young', 'fd00::/64'), makeOnBridge('older', 'fd00::/48', older)]
    expect(messagesOf(young, old)[0]).toContain('fd00::/64 overlaps a subnet of Network ns/older')
    expect(messagesOf(young, makeOnBridge('x', 'fd00:0:0:1::/64', older))).toEqual([])
  })
  test('reports an overlap for exactly one of two networks of the same age', () => {
    const [a, b] = [makeOnBridge('a', '10.0.0.0/24'), makeOnBridge('b', '10.0.0.0/24')]
    expect([messagesOf(a, b).length, messagesOf(b, a).length]).toEqual([0, 1])
  })
  test.each([
    ['another range', makeOnBridge('x', '10.0.1.0/24', older)],
    ['another bridge', makeOnBridge('x', '10.0.0.0/24', { ...older, bridge: 'br1' })],
    ['the other family', makeOnBridge('x', '::/0', older)],
    ['no bridge', makeNetwork([makeSubnet('10.0.0.0/24')], { name: 'x', ...older })],
  ])('reports nothing for a network with %s', (_, other) =>
    expect(messagesOf(makeOnBridge('young', '10.0.0.0/24'), other)).toEqual([]),
  )
})
