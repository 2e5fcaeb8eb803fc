import { describe, expect, test } from 'vitest'
import type { Interface } from '../../crds/kinds/server-status.ts'
import { buildDesiredNetworks, validateInterface } from './desired.ts'
import { createGuest, createNic, fixedIP, KEY, NETWORK } from './testing.ts'
import type { HostedGuest } from './types.ts'

const folder = (key: string) => `/state/${key}`
const networkFor = (...guests: HostedGuest[]) => buildDesiredNetworks(guests, folder).get(KEY)

describe('buildDesiredNetworks', () => {
  test('gathers the ports of a network in an order that does not depend on the order of the guests', () => {
    const one = networkFor(createGuest(6), createGuest(5))
    expect(one?.ports.map((p) => p.tap)).toEqual(['tap00000005-aa', 'tap00000006-aa'])
    expect(buildDesiredNetworks([createGuest(5), createGuest(6)], folder)).toEqual(
      buildDesiredNetworks([createGuest(6), createGuest(5)], folder),
    )
  })

  test('uses the bridge that the interface names, and gives the network its own bridge when it names none', () => {
    expect(networkFor(createGuest(5, { bridge: 'br0' }))).toMatchObject({ bridge: 'br0', ownBridge: false })
    expect(networkFor(createGuest(5, { uplink: 'eth1' }))).toMatchObject({
      bridge: `kn${KEY}`,
      ownBridge: true,
      uplink: 'eth1',
    })
  })

  test('takes the settings of a network from the last guest when guests have different copies', () => {
    const edited = {
      mtu: 1400,
      uplink: 'eth2',
      fixedIPs: [fixedIP(6, { dhcpAddress: '10.0.0.250', gateway: '10.0.0.2' })],
    }
    const network = networkFor(createGuest(7), createGuest(5), createGuest(6, edited))
    expect(network).toMatchObject({ mtu: 1400, uplink: 'eth2', dhcp: { addresses: ['10.0.0.250/24'] } })
    expect(network?.dhcp?.config.opts).toContain('option:router,10.0.0.2\n')
    expect(networkFor(createGuest(6, edited), createGuest(5))).toMatchObject({
      mtu: 1500,
      dhcp: { addresses: ['10.0.0.254/24'] },
    })
  })

  test('gives DHCP one address per family, and no DHCP when no subnet asks for it', () => {
    const v6 = fixedIP(5, {
      address: 'fd00::5',
      prefixLength: 64,
      dhcpAddress: 'fd00::fe',
      gateway: 'fd00::1',
      dnsServers: [],
    })
    expect(networkFor(createGuest(5, { fixedIPs: [fixedIP(5), v6] }))?.dhcp?.addresses).toEqual([
      '10.0.0.254/24',
      'fd00::fe/64',
    ])
    expect(networkFor(createGuest(5, { fixedIPs: [fixedIP(5, { dhcp: false })] }))).not.toHaveProperty('dhcp')
    expect(networkFor(createGuest(5, { fixedIPs: [] }))).not.toHaveProperty('dhcp')
  })
})

test('a link-local address of DHCP has a prefix of its own', () => {
  const single = fixedIP(5, { address: '203.0.113.7', prefixLength: 32, dhcpAddress: '169.254.67.67' })
  expect(networkFor(createGuest(5, { fixedIPs: [single] }))?.dhcp?.addresses).toEqual(['169.254.67.67/16'])
})

describe('validateInterface', () => {
  const malformed: [string, Partial<Interface>][] = [
    ['a MAC with a line break', { macAddress: 'fa:16:3e:00:00:05\naccept' }],
    ['a group address', { macAddress: '01:16:3e:00:00:05' }],
    ['a port id with a path', { portId: '../../etc' }],
    ['a network id with a space', { networkId: `${NETWORK} x` }],
    ['a bridge that is an option', { bridge: '-all' }],
    ['an uplink that is too long', { uplink: 'abcdefghijklmnop' }],
    ['an address that is none', { fixedIPs: [fixedIP(5, { address: '10.0.0.5,infinite' })] }],
    ['an address with a zone', { fixedIPs: [fixedIP(5, { address: 'fe80::1%eth0', prefixLength: 64 })] }],
    ['a gateway of the other family', { fixedIPs: [fixedIP(5, { gateway: 'fd00::1' })] }],
    ['a resolver that is a name', { fixedIPs: [fixedIP(5, { dnsServers: ['dns.example'] })] }],
    [
      'a route to nowhere',
      { fixedIPs: [fixedIP(5, { hostRoutes: [{ destination: '10.8.0.0', nextHop: '10.0.0.9' }] })] },
    ],
    ['a prefix that is too long', { fixedIPs: [fixedIP(5, { prefixLength: 33 })] }],
    ['a prefix that is no number', { fixedIPs: [fixedIP(5, { prefixLength: Number.NaN })] }],
  ]
  test.each(malformed)('refuses %s', (_, more) => {
    expect(() => validateInterface(createNic(5, more))).toThrow(
      expect.objectContaining({ kind: 'Terminal', code: 'InvalidInterface' }),
    )
  })

  test('accepts valid values', () => {
    const hostRoutes = [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }]
    expect(() =>
      validateInterface(createNic(5, { bridge: 'br-ex.100', fixedIPs: [fixedIP(5, { hostRoutes })] })),
    ).not.toThrow()
  })

  test('accepts routers outside the subnet', () => {
    const v4 = fixedIP(5, {
      address: '203.0.113.7',
      prefixLength: 32,
      gateway: '169.254.0.1',
      dhcpAddress: '169.254.67.67',
    })
    const v6 = fixedIP(5, {
      address: '2001:db8:50::5',
      prefixLength: 64,
      gateway: 'fe80::1',
      dhcpAddress: '2001:db8:50::fe',
    })
    expect(() => validateInterface(createNic(5, { fixedIPs: [v4, v6] }))).not.toThrow()
  })
})
