import { describe, expect, test } from 'vitest'
import { renderDnsmasqConfig } from './dnsmasq-config.ts'
import { fixedIP } from './testing.ts'
import type { DesiredPort } from './types.ts'

const port = (n: number, more: Partial<DesiredPort> = {}): DesiredPort => ({
  tap: `tap${n}`,
  mac: `fa:16:3e:00:00:0${n}`,
  portSecurity: true,
  fixedIPs: [fixedIP(n)],
  hostname: `web${n}`,
  ...more,
})
const render = (ports: DesiredPort[]) => renderDnsmasqConfig({ ports, mtu: 1450, folder: '/state/key' })
const v6 = {
  address: 'fd00::5',
  prefixLength: 64,
  dhcp: true,
  dhcpAddress: 'fd00::fe',
  dnsServers: ['fd00::53', '192.0.2.53'],
}

test('hosts has one line per port, in an order that does not depend on the order of the ports', () => {
  const { hosts } = render([port(6), port(5)])
  expect(hosts).toBe('fa:16:3e:00:00:05,id:*,10.0.0.5,web5,infinite\nfa:16:3e:00:00:06,id:*,10.0.0.6,web6,infinite\n')
  expect(render([port(5), port(6)]).hosts).toBe(hosts)
})

test.each([
  ['web.example.org', ',web,'],
  ['not a name', undefined],
  // dnsmasq takes these host names for keywords or lease times unless they end with a dot.
  ['ignore', ',ignore.,'],
  ['infinite.example.org', ',infinite.,'],
  ['12h', ',12h.,'],
  ['30M', ',30M.,'],
  ['45', ',45.,'],
  ['ignored', ',ignored,'],
  ['12hours', ',12hours,'],
  ['-web', undefined],
  [undefined, undefined],
])('the host line of a guest with host name %s has the label %s', (hostname, label) => {
  const { hostname: _, ...bare } = port(5)
  const { hosts } = render([{ ...bare, ...(hostname === undefined ? {} : { hostname }) }])
  expect(hosts).toBe(`fa:16:3e:00:00:05,id:*,10.0.0.5${label ?? ','}infinite\n`)
})

test('hosts and conf leave out addresses without DHCP', () => {
  const { hosts, conf } = render([
    port(5, { fixedIPs: [fixedIP(5), { ...v6, dhcp: false }] }),
    port(6, { fixedIPs: [] }),
  ])
  expect(hosts).toBe('fa:16:3e:00:00:05,id:*,10.0.0.5,web5,infinite\n')
  expect(conf).not.toContain('fd00')
  expect(conf).not.toContain('enable-ra')
})

test('a port with IPv4 and IPv6 has one host line, two ranges and the resolvers of each family', () => {
  const { hosts, conf, opts } = render([port(5, { fixedIPs: [fixedIP(5), v6] })])
  expect(hosts).toBe('fa:16:3e:00:00:05,id:*,10.0.0.5,[fd00::5],web5,infinite\n')
  expect(conf).toContain(
    'dhcp-range=10.0.0.0,static,255.255.255.0,infinite\ndhcp-range=fd00::,static,64,infinite\nenable-ra\n',
  )
  expect(opts.split('\n')).toEqual([
    'option:router,10.0.0.1',
    'option:dns-server,192.0.2.53',
    'option:mtu,1450',
    'option6:dns-server,[fd00::53]',
    '',
  ])
})

test('classless static routes include the default route, as clients then ignore the router option', () => {
  const hostRoutes = [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }]
  const all = '10.8.0.0/16,10.0.0.9,0.0.0.0/0,10.0.0.1'
  expect(render([port(5, { fixedIPs: [fixedIP(5, { hostRoutes })] })]).opts).toContain(
    `option:classless-static-route,${all}\n249,${all}\n`,
  )
})

describe('a router outside the subnet', () => {
  const single = { address: '203.0.113.7', prefixLength: 32, gateway: '169.254.0.1', dhcpAddress: '169.254.67.67' }

  test('gets a route of its own before the default route, because the guest has no other route to it', () => {
    const { opts } = render([port(5, { fixedIPs: [fixedIP(5, single)] })])
    const all = '169.254.0.1/32,0.0.0.0,0.0.0.0/0,169.254.0.1'
    expect(opts).toBe(
      `option:router,169.254.0.1\noption:dns-server,192.0.2.53\noption:classless-static-route,${all}\n249,${all}\noption:mtu,1450\n`,
    )
  })

  test('gets one route even if several routes use it', () => {
    const hostRoutes = [
      { destination: '10.8.0.0/16', nextHop: '172.31.1.1' },
      { destination: '10.9.0.0/16', nextHop: '172.31.1.1' },
      { destination: '10.10.0.0/16', nextHop: '10.0.0.9' },
    ]
    expect(render([port(5, { fixedIPs: [fixedIP(5, { hostRoutes })] })]).opts).toContain(
      'option:classless-static-route,172.31.1.1/32,0.0.0.0,10.8.0.0/16,172.31.1.1,10.9.0.0/16,172.31.1.1,10.10.0.0/16,10.0.0.9,0.0.0.0/0,10.0.0.1\n',
    )
  })

  test('is the only one that gets such a route, and only for IPv4', () => {
    expect(render([port(5)]).opts).not.toContain('classless-static-route')
    expect(render([port(5, { fixedIPs: [{ ...v6, gateway: 'fe80::1' }] })]).opts).toBe(
      'option6:dns-server,[fd00::53]\n',
    )
  })

  test('does not keep DHCP from a subnet in which its own address does not lie', () => {
    expect(render([port(5, { fixedIPs: [fixedIP(5, single)] })]).conf).toContain(
      'shared-network=dhcp0,203.0.113.7\ndhcp-range=203.0.113.7,static,255.255.255.255,infinite\n',
    )
    expect(render([port(5)]).conf).not.toContain('shared-network')
  })
})

test('router and resolvers are empty options when the network has none, so that dnsmasq does not send its own address', () => {
  const { gateway: _, dnsServers: __, ...bare } = fixedIP(5)
  expect(render([port(5, { fixedIPs: [bare] })]).opts).toBe('option:router\noption:dns-server\noption:mtu,1450\n')
})

test('host lines set no tag, because dnsmasq crashes when it reads such lines again', () => {
  expect(render([port(5, { fixedIPs: [fixedIP(5), v6] })]).hosts).not.toContain('set:')
})
