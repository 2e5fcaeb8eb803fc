import { expect, test } from 'vitest'
import { buildInterface } from './interface.ts'
import { makeNetwork, makePort, makeSubnet } from './testing.ts'

const mac = 'fa:16:3e:00:00:05'
const v4 = makeSubnet('10.0.0.0/24', {
  gateway: '10.0.0.1',
  dnsServers: ['9.9.9.9'],
  hostRoutes: [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }],
})
const v6 = makeSubnet('2001:db8::/64', { dhcp: false })

test('buildInterface copies what a host needs of network and port', () => {
  const lan = makeNetwork([v4, v6], { uplink: 'eth1', mtu: 9000, portSecurity: false })
  expect(buildInterface(lan, makePort('p', { allocated: ['10.0.0.5', '2001:DB8::5'], mac }), 'data')).toEqual({
    port: 'p',
    portId: 'uid-p',
    network: 'lan',
    networkNamespace: 'ns',
    networkId: 'uid-lan',
    uplink: 'eth1',
    mtu: 9000,
    macAddress: mac,
    portSecurity: false,
    tag: 'data',
    fixedIPs: [
      {
        address: '10.0.0.5',
        prefixLength: 24,
        gateway: '10.0.0.1',
        dnsServers: ['9.9.9.9'],
        hostRoutes: [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }],
        dhcp: true,
        dhcpAddress: '10.0.0.254',
      },
      { address: '2001:db8::5', prefixLength: 64, dhcp: false },
    ],
  })
})

test('buildInterface makes a route to everything the gateway', () => {
  const hostRoutes = [
    { destination: '10.8.0.0/16', nextHop: '10.0.0.9' },
    { destination: '0.0.0.0/0', nextHop: '10.0.0.1' },
  ]
  const { gateway: _, ...bare } = v4
  const [ip] = buildInterface(
    makeNetwork([{ ...bare, hostRoutes }]),
    makePort('p', { allocated: ['10.0.0.5'], mac }),
  ).fixedIPs
  expect(ip).toMatchObject({ gateway: '10.0.0.1', hostRoutes: [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }] })
})

test('buildInterface leaves out uplink and tag for a port without addresses on an existing bridge', () => {
  const built = buildInterface(makeNetwork([], { bridge: 'br0' }), makePort('p', { mac }))
  expect(built).toMatchObject({ bridge: 'br0', fixedIPs: [] })
  expect(Object.keys(built)).not.toContain('uplink')
  expect(Object.keys(built)).not.toContain('tag')
})

test('buildInterface throws for a port without MAC and for an address in no subnet', () => {
  const lan = makeNetwork([v4])
  expect(() => buildInterface(lan, makePort('p', { allocated: ['10.0.0.5'] }))).toThrow(
    expect.objectContaining({ kind: 'Transient', code: 'PortNotReady' }),
  )
  expect(() => buildInterface(lan, makePort('p', { allocated: ['10.9.0.5'], mac }))).toThrow(
    expect.objectContaining({ kind: 'Refused', code: 'AddressOutsideSubnets' }),
  )
})
