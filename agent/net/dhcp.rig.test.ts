import { expect, test } from 'vitest'
import { captureFrames, requestDhcpLease, requestDhcpv6Offer, startDhcpClient } from '../../test/rig/segment.ts'
import { waitUntil } from '../../test/rig/wait-until.ts'
import { tapName } from './names.ts'
import { createGuest, createNic, ctx, fixedIP, KEY, makeHost, type TestHost } from './testing.ts'

const nicTap = tapName(createNic(5).portId)
const dnsmasqPidsOf = async ({ net }: TestHost) => (await net.observe(ctx)).dhcp.get(KEY)?.pids

test('DHCP gives a guest its address, routes, resolvers, MTU and host name', async () => {
  await using host = await makeHost()
  const hostRoutes = [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }]
  const machine = await host.boot(createGuest(5, { mtu: 1450, fixedIPs: [fixedIP(5, { hostRoutes })] }))
  expect(await requestDhcpLease(machine)).toMatchObject({
    ip: '10.0.0.5',
    subnet: '255.255.255.0',
    router: '10.0.0.1',
    dns: '192.0.2.53',
    staticroutes: '10.8.0.0/16 10.0.0.9 0.0.0.0/0 10.0.0.1',
    mtu: '1450',
    hostname: 'web5',
    serverid: '10.0.0.254',
    lease: '4294967295',
  })
})

test.each(['ignore', 'infinite', '12h', '45'])('DHCP gives a guest the host name %s', async (hostname) => {
  await using host = await makeHost()
  const machine = await host.boot({ ...createGuest(5), hostname })
  expect(await requestDhcpLease(machine)).toMatchObject({ ip: '10.0.0.5', hostname, lease: '4294967295' })
})

test('DHCP gives one address with a gateway outside of it, as hosters have them', async () => {
  await using host = await makeHost()
  const single = { address: '203.0.113.7', prefixLength: 32, gateway: '169.254.0.1', dhcpAddress: '169.254.67.67' }
  const machine = await host.boot(createGuest(5, { fixedIPs: [fixedIP(5, single)] }))
  expect(await requestDhcpLease(machine)).toMatchObject({
    ip: '203.0.113.7',
    subnet: '255.255.255.255',
    router: '169.254.0.1',
    staticroutes: '169.254.0.1/32 0.0.0.0 0.0.0.0/0 169.254.0.1',
    serverid: '169.254.67.67',
  })
  expect(await host.net.sync([createGuest(5, { fixedIPs: [fixedIP(5, single)] })], ctx)).toEqual(new Map())
})

test('DHCP gives no router and no resolver when the port has none', async () => {
  await using host = await makeHost()
  const { gateway: _, dnsServers: __, ...bare } = fixedIP(5)
  const machine = await host.boot(createGuest(5, { fixedIPs: [bare] }))
  const answer = await requestDhcpLease(machine)
  expect(answer).toMatchObject({ ip: '10.0.0.5' })
  expect(answer).not.toHaveProperty('router')
  expect(answer).not.toHaveProperty('dns')
})

test('DHCP does not answer a MAC that is not a port of this host', async () => {
  await using host = await makeHost()
  const machine = await host.boot(createGuest(5, { portSecurity: false }))
  await machine.run('ip', 'link', 'set', 'eth0', 'address', 'fa:16:3e:99:99:99')
  expect(await requestDhcpLease(machine, 2)).toBeUndefined()
  await machine.run('ip', 'link', 'set', 'eth0', 'address', createNic(5).macAddress)
  expect(await requestDhcpLease(machine)).toMatchObject({ ip: '10.0.0.5' })
})

test('dnsmasq keeps running when a guest is added, and gives a freed address to its new owner', async () => {
  await using host = await makeHost()
  const first = await host.boot(createGuest(5))
  expect(await requestDhcpLease(first)).toMatchObject({ ip: '10.0.0.5' })
  const before = await dnsmasqPidsOf(host)
  const second = await host.boot(createGuest(6))
  expect(await requestDhcpLease(second)).toMatchObject({ ip: '10.0.0.6' })
  expect(await dnsmasqPidsOf(host)).toEqual(before)

  await host.net.unplug('guest-5', ctx)
  const newOwner = await host.boot(createGuest(7, { fixedIPs: [fixedIP(5)] }))
  expect(await requestDhcpLease(newOwner)).toMatchObject({ ip: '10.0.0.5' })
  expect(await requestDhcpLease(second)).toMatchObject({ ip: '10.0.0.6' })
})

test('DHCP identifies a guest by its MAC when its client id is new or equal to another guest’s', async () => {
  await using host = await makeHost()
  const one = await host.boot(createGuest(5))
  const two = await host.boot(createGuest(6))
  const id = ['-x', '0x3d:ffaabbccdd']
  expect(await requestDhcpLease(one)).toMatchObject({ ip: '10.0.0.5' })
  expect(await requestDhcpLease(one, 5, ...id)).toMatchObject({ ip: '10.0.0.5' })
  expect(await requestDhcpLease(two, 5, ...id)).toMatchObject({ ip: '10.0.0.6' })
  expect(await requestDhcpLease(one, 5, ...id)).toMatchObject({ ip: '10.0.0.5' })
})

test('a new dnsmasq renews the lease that its predecessor gave', async () => {
  await using host = await makeHost()
  const machine = await host.boot(createGuest(5))
  await using client = await startDhcpClient(machine)
  expect(await client.next()).toBe('bound 10.0.0.5')
  await host.net.unplug('guest-5', ctx)
  await host.net.plug(createGuest(5), ctx)
  await host.space.run('ip', 'link', 'set', nicTap, 'master', `kn${KEY}`)
  client.renew()
  expect(await client.next()).toBe('renew 10.0.0.5')
})

test('sync starts dnsmasq again when it was killed', async () => {
  await using host = await makeHost()
  const machine = await host.boot(createGuest(5))
  const [pid] = (await dnsmasqPidsOf(host)) ?? []
  process.kill(pid!, 'SIGKILL')
  await waitUntil(async () => (await dnsmasqPidsOf(host))?.length === 0, { what: 'dnsmasq gone' })
  expect(await host.net.sync([createGuest(5)], ctx)).toEqual(new Map())
  expect(await requestDhcpLease(machine)).toMatchObject({ ip: '10.0.0.5' })
})

test('sync keeps a dnsmasq that was started by the former agent', async () => {
  await using host = await makeHost()
  await host.boot(createGuest(5))
  const before = await dnsmasqPidsOf(host)
  const again = await host.restart()
  expect(await again.sync([createGuest(5)], ctx)).toEqual(new Map())
  expect(before).toHaveLength(1)
  expect(await dnsmasqPidsOf(host)).toEqual(before)
})

test('DHCPv6 gives a port its IPv6 address, and the router advertisement offers no router', async () => {
  await using host = await makeHost()
  const v6 = { address: 'fd00:5::5', prefixLength: 64, dhcp: true, dhcpAddress: 'fd00:5::fe', dnsServers: ['fd00::53'] }
  const machine = await host.boot(createGuest(5, { fixedIPs: [fixedIP(5), v6] }))
  expect(await requestDhcpv6Offer(machine, createNic(5).macAddress)).toBe('fd00:5::5')
  await machine.run('ip', 'link', 'set', 'eth0', 'down')
  await machine.run('ip', 'link', 'set', 'eth0', 'up')
  // The guest solicits the router advertisement only after about a second of duplicate address detection, so this
  // capture does not miss it.
  using ear = await captureFrames(machine)
  // A router advertisement: ICMPv6 type 134, code 0, checksum, hop limit 64, flags M and O, router lifetime 0.
  const advertisement = /86dd6.*8600....40c00000/
  await waitUntil(() => ear.frames.some((f) => advertisement.test(f)), { what: 'a router advertisement' })
  expect(await machine.run('ip', '-6', 'route', 'show', 'default')).toBe('')
})
