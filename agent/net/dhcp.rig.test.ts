import { expect, test } from 'vitest'
import { dhcp, dhcp6, dhcpClient, listen } from '../../test/rig/segment.ts'
import { until } from '../../test/rig/until.ts'
import { tapName } from './names.ts'
import { ctx, fixedIP, guest, KEY, makeHost, nic, type TestHost } from './testing.ts'

const nicTap = tapName(nic(5).portId)
const serverOf = async ({ net }: TestHost) => (await net.observe(ctx)).dhcp.get(KEY)?.pids

test('a guest is given its address and all that its port says', async () => {
  await using host = await makeHost()
  const hostRoutes = [{ destination: '10.8.0.0/16', nextHop: '10.0.0.9' }]
  const machine = await host.boot(guest(5, { mtu: 1450, fixedIPs: [fixedIP(5, { hostRoutes })] }))
  expect(await dhcp(machine)).toMatchObject({
    ip: '10.0.0.5',
    subnet: '255.255.255.0',
    router: '10.0.0.1',
    dns: '192.0.2.53',
    staticroutes: '10.8.0.0/16 10.0.0.9 0.0.0.0/0 10.0.0.1',
    mtu: '1450',
    hostname: 'web5',
    domain: 'novalocal',
    serverid: '10.0.0.254',
    lease: '4294967295',
  })
})

test('without gateway and resolvers, none is told', async () => {
  await using host = await makeHost()
  const { gateway: _, dnsServers: __, ...bare } = fixedIP(5)
  const machine = await host.boot(guest(5, { fixedIPs: [bare] }))
  const told = await dhcp(machine)
  expect(told).toMatchObject({ ip: '10.0.0.5' })
  expect(told).not.toHaveProperty('router')
  expect(told).not.toHaveProperty('dns')
})

test('a MAC that is no port of this host is given nothing', async () => {
  await using host = await makeHost()
  const machine = await host.boot(guest(5, { portSecurity: false }))
  await machine.run('ip', 'link', 'set', 'eth0', 'address', 'fa:16:3e:99:99:99')
  expect(await dhcp(machine, 2)).toBeUndefined()
  await machine.run('ip', 'link', 'set', 'eth0', 'address', nic(5).macAddress)
  expect(await dhcp(machine)).toMatchObject({ ip: '10.0.0.5' })
})

test('a second guest does not disturb the server; an address with a new owner is given to it', async () => {
  await using host = await makeHost()
  const first = await host.boot(guest(5))
  expect(await dhcp(first)).toMatchObject({ ip: '10.0.0.5' })
  const before = await serverOf(host)
  const second = await host.boot(guest(6))
  expect(await dhcp(second)).toMatchObject({ ip: '10.0.0.6' })
  expect(await serverOf(host)).toEqual(before)

  await host.net.unplug('guest-5', ctx)
  const heir = await host.boot(guest(7, { fixedIPs: [fixedIP(5)] }))
  expect(await dhcp(heir)).toMatchObject({ ip: '10.0.0.5' })
  expect(await dhcp(second)).toMatchObject({ ip: '10.0.0.6' })
})

test('a guest is its MAC, whatever client id it shows: a new one, or the one of a clone with the same machine id', async () => {
  await using host = await makeHost()
  const one = await host.boot(guest(5))
  const two = await host.boot(guest(6))
  const id = ['-x', '0x3d:ffaabbccdd']
  expect(await dhcp(one)).toMatchObject({ ip: '10.0.0.5' })
  expect(await dhcp(one, 5, ...id)).toMatchObject({ ip: '10.0.0.5' })
  expect(await dhcp(two, 5, ...id)).toMatchObject({ ip: '10.0.0.6' })
  expect(await dhcp(one, 5, ...id)).toMatchObject({ ip: '10.0.0.5' })
})

test('a lease of a server that is no more is renewed by the next one', async () => {
  await using host = await makeHost()
  const machine = await host.boot(guest(5))
  await using client = await dhcpClient(machine)
  expect(await client.next()).toBe('bound 10.0.0.5')
  await host.net.unplug('guest-5', ctx)
  await host.net.plug(guest(5), ctx)
  await host.space.run('ip', 'link', 'set', nicTap, 'master', `kn${KEY}`)
  client.renew()
  expect(await client.next()).toBe('renew 10.0.0.5')
})

test('a server that was killed is there again after sync', async () => {
  await using host = await makeHost()
  const machine = await host.boot(guest(5))
  const [pid] = (await serverOf(host)) ?? []
  process.kill(pid!, 'SIGKILL')
  await until(async () => (await serverOf(host))?.length === 0, { what: 'dnsmasq gone' })
  expect(await host.net.sync([guest(5)], ctx)).toEqual(new Map())
  expect(await dhcp(machine)).toMatchObject({ ip: '10.0.0.5' })
})

test('a server that lives through a restart of the agent is taken over', async () => {
  await using host = await makeHost()
  await host.boot(guest(5))
  const before = await serverOf(host)
  const again = await host.restart()
  expect(await again.sync([guest(5)], ctx)).toEqual(new Map())
  expect(before).toHaveLength(1)
  expect(await serverOf(host)).toEqual(before)
})

test('IPv6: the port is given its address by DHCPv6, and told so by an advertisement that offers no router', async () => {
  await using host = await makeHost()
  const v6 = { address: 'fd00:5::5', prefixLength: 64, dhcp: true, dhcpAddress: 'fd00:5::fe', dnsServers: ['fd00::53'] }
  const machine = await host.boot(guest(5, { fixedIPs: [fixedIP(5), v6] }))
  expect(await dhcp6(machine, nic(5).macAddress)).toBe('fd00:5::5')
  await machine.run('ip', 'link', 'set', 'eth0', 'down')
  await machine.run('ip', 'link', 'set', 'eth0', 'up')
  // The kernel solicits once its link-local address is proven unique, a second later.
  using ear = await listen(machine)
  // ICMPv6 134, code 0, checksum, hop limit 64, flags M and O, router lifetime 0.
  const advertisement = /86dd6.*8600....40c00000/
  await until(() => ear.frames.some((f) => advertisement.test(f)), { what: 'a router advertisement' })
  expect(await machine.run('ip', '-6', 'route', 'show', 'default')).toBe('')
})
