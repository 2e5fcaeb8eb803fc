import { describe, expect, test } from 'vitest'
import type { Interface } from '../../crds/kinds/server-status.ts'
import { checkInterface, desiredNetworks } from './desired.ts'
import { fixedIP, guest, KEY, NETWORK, nic } from './testing.ts'

const settings = { folder: (key: string) => `/state/${key}` }
const only = (...guests: Parameters<typeof desiredNetworks>[0]) => desiredNetworks(guests, settings).get(KEY)

describe('what guests want, by network', () => {
  test('ports of one network come together, in a fixed order', () => {
    const one = only(guest(6), guest(5))
    expect(one?.ports.map((p) => p.tap)).toEqual(['tap00000005-aa', 'tap00000006-aa'])
    expect(desiredNetworks([guest(5), guest(6)], settings)).toEqual(desiredNetworks([guest(6), guest(5)], settings))
  })

  test('a bridge of the host is used by its name, else the network has its own', () => {
    expect(only(guest(5, { bridge: 'br0' }))).toMatchObject({ bridge: 'br0', ownBridge: false })
    expect(only(guest(5, { uplink: 'eth1' }))).toMatchObject({ bridge: `kn${KEY}`, ownBridge: true, uplink: 'eth1' })
  })

  test('the network as the last guest knows it holds', () => {
    const edited = {
      mtu: 1400,
      uplink: 'eth2',
      fixedIPs: [fixedIP(6, { dhcpAddress: '10.0.0.250', gateway: '10.0.0.2' })],
    }
    const network = only(guest(7), guest(5), guest(6, edited))
    expect(network).toMatchObject({ mtu: 1400, uplink: 'eth2', dhcp: { addresses: ['10.0.0.250/24'] } })
    expect(network?.dhcp?.texts.opts).toContain('option:router,10.0.0.2\n')
    expect(only(guest(6, edited), guest(5))).toMatchObject({ mtu: 1500, dhcp: { addresses: ['10.0.0.254/24'] } })
  })

  test('one address a family for DHCP; none where no subnet asks for it', () => {
    const v6 = fixedIP(5, {
      address: 'fd00::5',
      prefixLength: 64,
      dhcpAddress: 'fd00::fe',
      gateway: 'fd00::1',
      dnsServers: [],
    })
    expect(only(guest(5, { fixedIPs: [fixedIP(5), v6] }))?.dhcp?.addresses).toEqual(['10.0.0.254/24', 'fd00::fe/64'])
    expect(only(guest(5, { fixedIPs: [fixedIP(5, { dhcp: false })] }))).not.toHaveProperty('dhcp')
    expect(only(guest(5, { fixedIPs: [] }))).not.toHaveProperty('dhcp')
  })
})

describe('what may not go into commands, rules and files', () => {
  const evil: [string, Partial<Interface>][] = [
    ['a MAC with a line', { macAddress: 'fa:16:3e:00:00:05\naccept' }],
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
  test.each(evil)('%s', (_, more) => {
    expect(() => checkInterface(nic(5, more))).toThrow(
      expect.objectContaining({ kind: 'Terminal', code: 'InvalidInterface' }),
    )
  })

  test('what is right passes', () => {
    const hostRoutes = [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }]
    expect(() => checkInterface(nic(5, { bridge: 'br-ex.100', fixedIPs: [fixedIP(5, { hostRoutes })] }))).not.toThrow()
  })
})
