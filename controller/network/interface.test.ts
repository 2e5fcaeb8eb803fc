import { expect, test } from 'vitest'
import { interfaceOf } from './interface.ts'
import { network, port, subnet } from './testing.ts'

const mac = 'fa:16:3e:00:00:05'
const v4 = subnet('10.0.0.0/24', {
  gateway: '10.0.0.1',
  dnsServers: ['9.9.9.9'],
  hostRoutes: [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }],
})
const v6 = subnet('2001:db8::/64', { dhcp: false })

test('all that a host needs of network and port', () => {
  const lan = network([v4, v6], { uplink: 'eth1', mtu: 9000, portSecurity: false })
  expect(interfaceOf(lan, port('p', { given: ['10.0.0.5', '2001:DB8::5'], mac }), 'data')).toEqual({
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

test('a port without addresses, on a bridge that is there', () => {
  const found = interfaceOf(network([], { bridge: 'br0' }), port('p', { mac }))
  expect(found).toMatchObject({ bridge: 'br0', fixedIPs: [] })
  expect(Object.keys(found)).not.toContain('uplink')
  expect(Object.keys(found)).not.toContain('tag')
})

test('a port that is not ready, and one that its network has left', () => {
  const lan = network([v4])
  expect(() => interfaceOf(lan, port('p', { given: ['10.0.0.5'] }))).toThrow(
    expect.objectContaining({ kind: 'Transient', code: 'PortNotReady' }),
  )
  expect(() => interfaceOf(lan, port('p', { given: ['10.9.0.5'], mac }))).toThrow(
    expect.objectContaining({ kind: 'Refused', code: 'AddressOutsideSubnets' }),
  )
})
