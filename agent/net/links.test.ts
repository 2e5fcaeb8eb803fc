import { expect, test } from 'vitest'
import { parseLinks } from './links.ts'

const bridge = {
  ifindex: 2,
  ifname: 'kn1',
  flags: ['NO-CARRIER', 'BROADCAST', 'MULTICAST', 'UP'],
  mtu: 1500,
  address: '6e:92:f7:17:ea:6f',
  linkinfo: { info_kind: 'bridge', info_data: { stp_state: 0 } },
  addr_info: [
    { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
    { family: 'inet', local: '10.0.0.1', prefixlen: 24, scope: 'global' },
  ],
}
const tap = {
  ifindex: 3,
  ifname: 'tapx',
  flags: ['NO-CARRIER', 'BROADCAST', 'MULTICAST', 'UP'],
  mtu: 1500,
  master: 'kn1',
  address: '6e:92:f7:17:ea:6f',
  linkinfo: { info_kind: 'tun', info_data: { type: 'tap', persist: true }, info_slave_kind: 'bridge' },
  addr_info: [],
}
const veth = {
  ifindex: 2,
  link_index: 9,
  ifname: 'dhcp0',
  flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
  mtu: 1450,
  address: '02:6b:6e:00:00:01',
  link_netnsid: 0,
  linkinfo: { info_kind: 'veth' },
  addr_info: [],
}

test('parseLinks gives devices by name, with bridge, carrier and addresses', () => {
  const links = parseLinks(JSON.stringify([bridge, tap, veth, {}]))
  expect([...links.keys()]).toEqual(['kn1', 'tapx', 'dhcp0'])
  expect(links.get('kn1')).toMatchObject({
    kind: 'bridge',
    up: true,
    stp: false,
    linkLocal: true,
    addresses: ['10.0.0.1/24'],
  })
  expect(links.get('tapx')).toMatchObject({
    kind: 'tun',
    master: 'kn1',
    carrier: false,
    persistent: true,
    linkLocal: false,
  })
  expect(links.get('dhcp0')).toMatchObject({ peer: 9, carrier: true, mtu: 1450, persistent: false })
})

test('parseLinks gives no devices for empty output', () => {
  expect(parseLinks('').size).toBe(0)
})
