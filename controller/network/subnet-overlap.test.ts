import { describe, expect, test } from 'vitest'
import { bridgeProblems, subnetProblems } from './subnet-overlap.ts'
import { network, subnet } from './testing.ts'

const pool = (start: string, end: string) => ({ start, end })

test.each([
  [subnet('10.0.0.0/24', { gateway: '10.0.0.1' }), []],
  [
    subnet('10.0.0.0/24', {
      gateway: '10.0.0.1',
      dhcpAddress: '10.0.0.2',
      pools: [pool('10.0.0.10', '10.0.0.20'), pool('10.0.0.21', '10.0.0.30')],
    }),
    [],
  ],
  [
    subnet('10.0.0.0/24', { pools: [pool('10.0.0.10', '10.0.0.20'), pool('10.0.0.20', '10.0.0.30')] }),
    ['PoolsOverlap: pools 10.0.0.10 to 10.0.0.20 and 10.0.0.20 to 10.0.0.30 of 10.0.0.0/24 overlap'],
  ],
  [
    subnet('10.0.0.0/24', { pools: [pool('10.0.0.20', '10.0.0.10')] }),
    ['PoolEndBeforeStart: pool 10.0.0.20 to 10.0.0.10 of 10.0.0.0/24 ends before it starts'],
  ],
  [
    subnet('10.0.0.0/24', { pools: [pool('10.0.0.20', '10.0.1.10')] }),
    ['PoolOutsideSubnet: pool 10.0.0.20 to 10.0.1.10 is not within 10.0.0.0/24'],
  ],
  [
    subnet('10.0.0.0/24', { gateway: '10.0.0.10', dhcpAddress: '10.0.0.11', pools: [pool('10.0.0.10', '10.0.0.20')] }),
    [
      'AddressInPool: gateway 10.0.0.10 lies in pool 10.0.0.10 to 10.0.0.20: leave it out of the pools',
      'AddressInPool: dhcpAddress 10.0.0.11 lies in pool 10.0.0.10 to 10.0.0.20: leave it out of the pools',
    ],
  ],
  [
    subnet('10.0.0.0/24', { gateway: '10.0.0.255' }),
    ['AddressNotUsable: gateway 10.0.0.255 is the network or broadcast address of 10.0.0.0/24'],
  ],
  [
    subnet('10.0.0.0/24', { gateway: '10.0.0.1', dhcpAddress: '10.0.0.1' }),
    [
      'DuplicateAddress: gateway and dhcpAddress of 10.0.0.0/24 are both 10.0.0.1: DHCP needs an address of its own, the same on every host',
    ],
  ],
  // Whether pools of IPv6 overlap the API server cannot say: here alone is that looked at.
  [
    subnet('fd00::/64', {
      gateway: 'fd00::1',
      dhcpAddress: 'fd00::2',
      pools: [pool('fd00::10', 'fd00::1f'), pool('fd00::20', 'fd00::ffff:ffff')],
    }),
    [],
  ],
  [
    subnet('fd00::/64', { pools: [pool('fd00::9', 'fd00::10'), pool('fd00::a', 'fd00:0:0:0::a')] }),
    ['PoolsOverlap: pools fd00::9 to fd00::10 and fd00::a to fd00:0:0:0::a of fd00::/64 overlap'],
  ],
  [
    subnet('fd00::/64', { pools: [pool('fd00::10', 'fd00::9')] }),
    ['PoolEndBeforeStart: pool fd00::10 to fd00::9 of fd00::/64 ends before it starts'],
  ],
  [
    subnet('fd00::/64', { pools: [pool('fd00::1', 'fd00:0:0:1::1')] }),
    ['PoolOutsideSubnet: pool fd00::1 to fd00:0:0:1::1 is not within fd00::/64'],
  ],
  [
    subnet('fd00::/64', { gateway: 'fd00::10', dhcpAddress: 'fd00::0:9', pools: [pool('fd00::9', 'fd00::10')] }),
    [
      'AddressInPool: gateway fd00::10 lies in pool fd00::9 to fd00::10: leave it out of the pools',
      'AddressInPool: dhcpAddress fd00::0:9 lies in pool fd00::9 to fd00::10: leave it out of the pools',
    ],
  ],
  [
    subnet('fd00::/64', { gateway: 'fd00::1', dhcpAddress: 'fd00:0::1' }),
    [
      'DuplicateAddress: gateway and dhcpAddress of fd00::/64 are both fd00::1: DHCP needs an address of its own, the same on every host',
    ],
  ],
  [
    subnet('10.0.0.0/30', { gateway: '10.0.0.1' }),
    [
      'NoAddresses: 10.0.0.0/30 has no address left for servers beside its gateway and its DHCP address: use a larger range',
    ],
  ],
])('%j: %j', (s, wanted) => {
  expect(subnetProblems(network([s])).map((p) => `${p.reason}: ${p.message}`)).toEqual(wanted)
})

describe('networks on one bridge', () => {
  const on = (name: string, cidr: string, more = {}) =>
    network([subnet(cidr)], { name, bridge: 'br0', created: '2026-01-02T00:00:00Z', ...more })
  const old = { created: '2026-01-01T00:00:00Z' }
  const reasons = (a: ReturnType<typeof on>, b: ReturnType<typeof on>) =>
    bridgeProblems(a, [a, b]).map((p) => p.message)

  test('the younger of two that overlap is told, the older is not', () => {
    const [young, older] = [on('young', '10.0.0.0/24'), on('older', '10.0.0.128/25', old)]
    expect(reasons(young, older)).toEqual([
      '10.0.0.0/24 overlaps a subnet of Network ns/older on the same bridge br0: use another range, or the other network with shared: true',
    ])
    expect(reasons(older, young)).toEqual([])
  })
  test('so it is with IPv6', () => {
    const [young, older] = [on('young', 'fd00::/64'), on('older', 'fd00::/48', old)]
    expect(reasons(young, older)[0]).toContain('fd00::/64 overlaps a subnet of Network ns/older')
    expect(reasons(young, on('x', 'fd00:0:0:1::/64', old))).toEqual([])
  })
  test('of one age exactly one is told', () => {
    const [a, b] = [on('a', '10.0.0.0/24'), on('b', '10.0.0.0/24')]
    expect([reasons(a, b).length, reasons(b, a).length]).toEqual([0, 1])
  })
  test.each([
    ['another range', on('x', '10.0.1.0/24', old)],
    ['another bridge', on('x', '10.0.0.0/24', { ...old, bridge: 'br1' })],
    ['the other family', on('x', '::/0', old)],
    ['a bridge of its own', network([subnet('10.0.0.0/24')], { name: 'x', ...old })],
  ])('%s is no problem', (_, other) => expect(reasons(on('young', '10.0.0.0/24'), other)).toEqual([]))
})
