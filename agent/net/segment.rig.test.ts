import { expect, test } from 'vitest'
import * as frame from '../../test/rig/frames.ts'
import { captureFrames, createSwitch, requestDhcpLease, sendFrames } from '../../test/rig/segment.ts'
import { createGuest, createNic, ctx, KEY, makeHost } from './testing.ts'

const BRIDGE = `kn${KEY}`
const uplink = { uplink: 'eth1' }

test('two hosts on one segment answer only their own guests, and their guests reach each other', async () => {
  await using one = await makeHost('one')
  await using two = await makeHost('two')
  await using hub = await createSwitch([one.space, two.space], 'eth1')
  const a = await one.boot(createGuest(5, uplink))
  const b = await two.boot(createGuest(6, uplink))
  using wire = await captureFrames(hub, 'sw')
  using other = await captureFrames(b)

  expect(await requestDhcpLease(a)).toMatchObject({ ip: '10.0.0.5' })
  expect(await requestDhcpLease(b)).toMatchObject({ ip: '10.0.0.6' })
  const [pid] = (await two.net.observe(ctx)).dhcp.get(KEY)?.pids ?? []
  process.kill(pid!, 'SIGKILL')
  expect(await requestDhcpLease(b, 2)).toBeUndefined()

  // Both hosts' DHCP servers have the same address and MAC. No frame with this MAC may pass from one host to the other.
  await a.run('ip', 'address', 'add', '10.0.0.5/24', 'dev', 'eth0')
  await b.run('ip', 'address', 'add', '10.0.0.6/24', 'dev', 'eth0')
  await a.run('busybox', 'arping', '-c', '1', '-w', '5', '-I', 'eth0', '10.0.0.254')
  await a.run('busybox', 'ping', '-c', '1', '-W', '5', '10.0.0.6')
  const hello = frame.udpIpv4Frame(
    { from: createNic(5).macAddress },
    { src: '10.0.0.5', dst: '10.0.0.6', sport: 9, dport: 9, text: 'bye' },
  )
  await sendFrames(a, hello)
  await other.waitForFrame(hello)
  await wire.waitForFrame(hello)
  const udp = (f: string) => f.slice(24, 28) === '0800' && f.slice(46, 48) === '11'
  expect(wire.frames.filter((f) => udp(f) && /^00(43|44)00(43|44)$/.test(f.slice(68, 76)))).toEqual([])
  expect(wire.frames.filter((f) => f.slice(12, 24).startsWith('026b6e'))).toEqual([])
  expect(other.frames.filter((f) => f.slice(12, 24).startsWith('026b6e') && f.slice(24, 28) === '0806')).toEqual([])
})

test('a foreign DHCP server on the segment does not reach guests, nor does a foreign client reach dnsmasq', async () => {
  await using host = await makeHost()
  await using hub = await createSwitch([host.space], 'eth1')
  const a = await host.boot(createGuest(5, uplink))
  await hub.run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'rogue')
  for (const device of ['eth0', 'rogue']) await hub.run('ip', 'link', 'set', device, 'up')
  await hub.run('ip', 'link', 'set', 'rogue', 'master', 'sw')
  using ear = await captureFrames(a)
  using server = await captureFrames(
    { enterCommand: [...host.space.enterCommand, 'nsenter', `--net=/run/netns/kubenova-${KEY}`] },
    'dhcp0',
  )
  const foreign = { from: '52:54:00:00:00:01' }
  const datagram = { src: '10.0.0.66', dst: '255.255.255.255', sport: 67, dport: 68, text: 'offer' }
  const offers = [67, 5000].map((sport) => frame.udpIpv4Frame(foreign, { ...datagram, sport }))
  const harmless = frame.udpIpv4Frame(foreign, { ...datagram, sport: 5000, dport: 5000, text: 'no offer' })
  await sendFrames(hub, ...offers, harmless)
  await ear.waitForFrame(harmless)
  expect(ear.frames.filter((f) => offers.includes(f))).toEqual([])

  const local = frame.arpFrame({ from: createNic(5).macAddress }, { ip: '10.0.0.5', target: '10.0.0.254' })
  await sendFrames(a, local)
  await server.waitForFrame(local)
  expect(server.frames.filter((f) => f.includes('525400000001'))).toEqual([])
})

test('plug puts the uplink into the bridge, and unplug takes it out', async () => {
  await using host = await makeHost()
  await using hub = await createSwitch([host.space], 'eth1')
  expect(await hub.run('ip', '-br', 'link', 'show', 'sw')).toContain('UP')
  const master = async () => (await host.net.observe(ctx)).links.get('eth1')?.master
  await host.net.plug(createGuest(5, uplink), ctx)
  expect(await master()).toBe(BRIDGE)
  await host.space.run('ip', 'link', 'add', 'eth2', 'type', 'veth', 'peer', 'name', 'far2')
  await host.net.plug(createGuest(5, { uplink: 'eth2' }), ctx)
  expect(await master()).toBeUndefined()
  await host.net.plug(createGuest(5, uplink), ctx)
  expect(await master()).toBe(BRIDGE)
  await host.net.unplug('guest-5', ctx)
  const { links } = await host.net.observe(ctx)
  expect(links.get('eth1')).toMatchObject({ up: true })
  expect(links.get('eth1')).not.toHaveProperty('master')
  expect(links.has(BRIDGE)).toBe(false)
})

const obstacles: [string, string[][], object, string, RegExp][] = [
  ['no such uplink', [], { uplink: 'eth7' }, 'UplinkMissing', /Host one.*eth7.*project\/net/],
  [
    'an uplink with an address of the host',
    [['address', 'add', '192.0.2.7/24', 'dev', 'eth3']],
    { uplink: 'eth3' },
    'UplinkHasAddress',
    /192\.0\.2\.7/,
  ],
  ['an uplink in another bridge', [['link', 'set', 'eth3', 'master', 'br0']], { uplink: 'eth3' }, 'UplinkBusy', /br0/],
  [
    'an uplink with a smaller MTU',
    [['link', 'set', 'eth3', 'mtu', '1400']],
    { uplink: 'eth3' },
    'MtuTooSmall',
    /1400.*1500/,
  ],
  ['no such bridge', [], { bridge: 'br7' }, 'BridgeMissing', /Host one.*br7/],
  ['a device in place of the bridge', [], { bridge: 'eth3' }, 'BridgeMissing', /eth3 that is not a bridge/],
  ['a bridge that is down', [], { bridge: 'br0' }, 'BridgeDown', /br0/],
]

test.each(obstacles)(
  'plug rejects and leaves the host as it was when there is %s',
  async (_, before, more, code, message) => {
    await using host = await makeHost('one')
    await host.space.run('ip', 'link', 'add', 'eth3', 'type', 'veth', 'peer', 'name', 'far3')
    await host.space.run('ip', 'link', 'add', 'br0', 'type', 'bridge')
    for (const command of before) await host.space.run('ip', ...command)
    const links = await host.space.run('ip', '-br', 'link')
    const plug = host.net.plug(createGuest(5, more), ctx)
    await expect(plug).rejects.toMatchObject({ kind: 'Transient', code, message: expect.stringMatching(message) })
    expect(await host.space.run('ip', '-br', 'link')).toBe(links)
    const elsewhere = { networkId: 'ffffffff-0000-4000-8000-000000000000' }
    expect(await host.net.plug(createGuest(6, elsewhere), ctx)).toMatchObject([{ bridge: 'knffffffff0000' }])
  },
)
