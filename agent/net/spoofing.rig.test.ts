import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as frame from '../../test/rig/frames.ts'
import { captureFrames, requestDhcpLease, type Space, sendFrames } from '../../test/rig/segment.ts'
import { createGuest, createNic, ctx, fixedIP, makeHost, NETWORK, type TestHost } from './testing.ts'

// The network has no DHCP server, because its rules would also drop some of the forged frames, whatever the tested
// rules do.
const MAC = createNic(5).macAddress
const LL = 'fe80::f816:3eff:fe00:5'
const v4 = fixedIP(5, { dhcp: false })
const v6 = fixedIP(5, {
  dhcp: false,
  address: 'fd00::5',
  prefixLength: 64,
  gateway: 'fd00::1',
  dnsServers: [],
  dhcpAddress: 'fd00::fe',
})
const from = { from: MAC }
const multicast = { from: MAC, to: '33:33:00:00:00:01' }
const datagram = (more: object) => ({ src: '10.0.0.5', dst: '10.0.0.6', sport: 5000, dport: 5000, text: 'x', ...more })
const END = frame.udpIpv4Frame(from, datagram({ text: 'the end' }))

let host: TestHost
let sender: Space
let receiver: Space

beforeAll(async () => {
  host = await makeHost()
  sender = await host.boot(createGuest(5, { fixedIPs: [v4, v6] }))
  receiver = await host.boot(createGuest(6, { fixedIPs: [fixedIP(6, { dhcp: false })] }))
})
afterAll(() => host[Symbol.asyncDispose]())

/** Frames stay in order, so no other frame can arrive after END. */
async function sendAndReceive(...sent: string[]): Promise<string[]> {
  using ear = await captureFrames(receiver)
  await sendFrames(sender, ...sent, END)
  await ear.waitForFrame(END)
  return sent.filter((f) => ear.frames.includes(f))
}

const other = createNic(7).macAddress
const neighbourFrame = (more: Partial<Parameters<typeof frame.icmpv6Frame>[1]>) =>
  frame.icmpv6Frame(multicast, { src: LL, dst: 'ff02::1', type: 135, target: 'fd00::7', ...more })
const dhcpFrame = (more: object, message: Partial<Parameters<typeof frame.dhcpMessage>[0]> = {}) =>
  frame.udpIpv4Frame(from, {
    ...datagram({ src: '0.0.0.0', dst: '255.255.255.255', sport: 68, dport: 67, ...more }),
    body: frame.dhcpMessage({ type: 1, chaddr: MAC, ...message }),
  })
const dhcp6Frame = (more: object) =>
  frame.udpIpv6Frame(multicast, { src: LL, dst: 'ff02::1', sport: 546, dport: 547, body: '01abcdef', ...more })
const fragmentFrame = (next: string, where: object, payload: string) =>
  frame.ipv6Frame(multicast, '2c', { src: LL, dst: 'ff02::1' }, frame.ipv6FragmentHeader(next, where) + payload)
/** The router alert option precedes the message (RFC 3810, section 5). */
function multicastListener(src: string, message: { type: number; body: string }): string {
  const ends = { src, dst: 'ff02::1' }
  return frame.ipv6Frame(multicast, '00', ends, `3a00050200000100${frame.icmpv6Message({ ...ends, ...message })}`)
}
const advertisement = `86000000${'0'.repeat(24)}`
/** A destination options header of `eights` × 8 bytes, followed by a header of type `next`. */
const padding = (next: string, eights: number) => `${next}0${eights - 1}0104${'0'.repeat(8)}`

const legitimate: Record<string, string> = {
  'a datagram': frame.udpIpv4Frame(from, datagram({ text: 'mine' })),
  'an IPv6 datagram': frame.udpIpv6Frame(from, { ...datagram({ text: 'mine6' }), src: 'fd00::5', dst: 'ff02::1' }),
  'a first fragment': fragmentFrame('11', { more: true }, '1388138800100000'),
  'the next fragment': fragmentFrame('11', { offset: 8 }, frame.hexText('the rest')),
  'the next fragment of options': fragmentFrame('3c', { offset: 8 }, frame.hexText('the rest')),
  'an ARP request': frame.arpFrame(from, { ip: '10.0.0.5', target: '10.0.0.6' }),
  'an ARP probe (RFC 5227)': frame.arpFrame(from, { ip: '0.0.0.0', target: '10.0.0.5' }),
  'an ARP announcement': frame.arpFrame(from, { ip: '10.0.0.5', target: '10.0.0.5' }),
  'an ARP answer': frame.arpFrame(from, { ip: '10.0.0.5', target: '10.0.0.6', reply: true }),
  "QEMU's announcement after a migration": frame.rarpFrame(from),
  'DHCP: a DISCOVER': dhcpFrame({}),
  'DHCP: a REQUEST by unicast': dhcpFrame({ src: '10.0.0.5', dst: '10.0.0.6' }, { type: 3, ciaddr: '10.0.0.5' }),
  'DHCP: an INFORM': dhcpFrame({ src: '10.0.0.5' }, { type: 8, ciaddr: '10.0.0.5' }),
  'DHCP: a DECLINE of its own address': dhcpFrame({}, { type: 4, options: { 50: frame.hexIp('10.0.0.5') } }),
  'DHCPv6: a SOLICIT': dhcp6Frame({}),
  'a router solicitation': neighbourFrame({ type: 133, body: '00000000' }),
  'a router solicitation with its MAC': neighbourFrame({ type: 133, body: `00000000${frame.linkOption(1, MAC)}` }),
  'a neighbour solicitation': neighbourFrame({}),
  'a neighbour solicitation with its MAC': neighbourFrame({ options: frame.linkOption(1, MAC) }),
  'a neighbour advertisement of its own address': neighbourFrame({ type: 136, target: 'fd00::5' }),
  'a neighbour advertisement of its own address with its MAC': neighbourFrame({
    type: 136,
    target: 'fd00::5',
    options: frame.linkOption(2, MAC),
  }),
  'duplicate address detection': neighbourFrame({ src: '::', target: 'fd00::5' }),
  'duplicate address detection of its link-local address, with a nonce': neighbourFrame({
    src: '::',
    target: LL,
    options: '0e01aabbccddeeff',
  }),
  'a report of multicast groups without an address': multicastListener('::', { type: 143, body: '00000000' }),
}

const forged: Record<string, string> = {
  'another MAC': frame.udpIpv4Frame({ from: other }, datagram({ text: 'mac' })),
  "a neighbour's address": frame.udpIpv4Frame(from, datagram({ src: '10.0.0.7', text: 'ip' })),
  "a neighbour's IPv6 address": frame.udpIpv6Frame(from, {
    ...datagram({ text: 'ip6' }),
    src: 'fd00::7',
    dst: 'ff02::1',
  }),
  "a neighbour's link-local address": frame.udpIpv6Frame(from, {
    ...datagram({ text: 'll' }),
    src: 'fe80::7',
    dst: 'ff02::1',
  }),
  "ARP for the gateway's address": frame.arpFrame(from, { ip: '10.0.0.1', target: '10.0.0.6', reply: true }),
  'ARP with another hardware address': frame.arpFrame(from, { mac: other, ip: '10.0.0.5', target: '10.0.0.6' }),
  "an ARP probe for a neighbour's address": frame.arpFrame(from, { ip: '0.0.0.0', target: '10.0.0.6' }),
  'an announcement of another MAC': frame.rarpFrame(from, { mac: other }),
  'a RARP answer': frame.rarpFrame(from, { operation: 4 }),
  'a DHCP offer': frame.udpIpv4Frame(from, datagram({ sport: 67, dport: 68, text: 'offer' })),
  'a DHCP offer from another port': frame.udpIpv4Frame(from, datagram({ sport: 5000, dport: 68, text: 'offer' })),
  'a DHCPv6 answer': frame.udpIpv6Frame(from, { ...datagram({ sport: 547, dport: 546 }), src: LL, dst: 'ff02::1' }),
  'a DHCPv6 answer from another port': frame.udpIpv6Frame(from, {
    ...datagram({ dport: 546 }),
    src: LL,
    dst: 'ff02::1',
  }),
  "DHCP with a neighbour's chaddr": dhcpFrame({}, { chaddr: other }),
  "DHCP with a neighbour's chaddr, from its own address": dhcpFrame({ src: '10.0.0.5' }, { type: 7, chaddr: other }),
  'DHCP as a relay': dhcpFrame({}, { giaddr: '10.0.0.5' }),
  'DHCP without chaddr': frame.udpIpv4Frame(from, datagram({ dport: 67, text: 'short' })),
  'DHCPv6 as a relay': dhcp6Frame({ body: `0c00${'0'.repeat(64)}` }),
  'DHCPv6 without a message': dhcp6Frame({ body: '' }),
  'a router advertisement': neighbourFrame({ type: 134 }),
  'a router advertisement behind options': frame.ipv6Frame(
    multicast,
    '3c',
    { src: LL, dst: 'ff02::1' },
    padding('3a', 1) + advertisement,
  ),
  'a router advertisement in a fragment': fragmentFrame('3a', { more: true }, advertisement),
  'a fragment that hides what comes': fragmentFrame('3c', { more: true }, padding('3a', 2)),
  'a redirect': neighbourFrame({ type: 137 }),
  'a neighbour advertisement for the gateway': neighbourFrame({ type: 136, target: 'fd00::1' }),
  'a neighbour advertisement with another MAC': neighbourFrame({
    type: 136,
    target: 'fd00::5',
    options: frame.linkOption(2, other),
  }),
  'a neighbour advertisement whose target is in the next fragment': fragmentFrame(
    '3a',
    { more: true },
    '8800000000000000',
  ),
  'a neighbour solicitation with another MAC': neighbourFrame({ options: frame.linkOption(1, other) }),
  'a neighbour solicitation with another MAC as second option': neighbourFrame({
    options: frame.linkOption(1, MAC) + frame.linkOption(1, other),
  }),
  'a neighbour solicitation whose options are in the next fragment': fragmentFrame(
    '3a',
    { more: true },
    frame.icmpv6Message({ src: LL, dst: 'ff02::1', type: 135, target: 'fd00::7' }),
  ),
  'a router solicitation with another MAC as second option': neighbourFrame({
    type: 133,
    body: `00000000${frame.linkOption(1, MAC)}${frame.linkOption(1, other)}`,
  }),
  'a router solicitation with another MAC': neighbourFrame({
    type: 133,
    body: `00000000${frame.linkOption(1, other)}`,
  }),
  "duplicate address detection of a neighbour's address": neighbourFrame({ src: '::' }),
  'duplicate address detection against a neighbour, from its address': neighbourFrame({ src: 'fd00::7' }),
  'a query for multicast listeners': multicastListener(LL, { type: 130, body: '00010000'.padEnd(40, '0') }),
  'a query for members of IPv4 groups': frame.ipv4Frame(
    { ...from, to: '01:00:5e:00:00:01' },
    '02',
    { src: '10.0.0.5', dst: '224.0.0.1' },
    '110aeef500000000',
  ),
  'a frame in a VLAN': frame.vlanTagged(frame.udpIpv4Frame(from, datagram({ src: '10.0.0.7', text: 'vlan' })), 5),
  'a frame of another protocol': frame.frameOfEtherType(from, '88cc', 'lldp'),
}

describe('port security', () => {
  let arrived: string[]
  beforeAll(async () => {
    arrived = await sendAndReceive(...Object.values(legitimate), ...Object.values(forged))
  })

  test.each(Object.entries(legitimate))('passes %s', (_, sent) => {
    expect(arrived).toContain(sent)
  })

  test.each(Object.entries(forged))('drops %s', (_, sent) => {
    expect(arrived).not.toContain(sent)
  })

  test('drops no frame of another guest', async () => {
    using ear = await captureFrames(sender)
    const reply = frame.udpIpv4Frame(
      { from: createNic(6).macAddress, to: MAC },
      datagram({ src: '10.0.0.6', dst: '10.0.0.5', text: 'hello' }),
    )
    await sendFrames(receiver, reply)
    await ear.waitForFrame(reply)
  })

  test('is in force on a bridge of the host, and before the tap is there', async () => {
    await host.space.run('ip', 'link', 'add', 'br0', 'type', 'bridge')
    await host.space.run('ip', 'link', 'set', 'br0', 'up')
    const more = { networkId: NETWORK.replace(/^0a/, '0b'), bridge: 'br0' }
    const one = await host.boot(createGuest(1, more))
    const two = await host.boot(createGuest(2, more))
    using ear = await captureFrames(two)
    const mine = (ip: string, text: string) =>
      frame.udpIpv4Frame({ from: createNic(1).macAddress }, datagram({ src: ip, text }))
    await sendFrames(one, mine('10.0.0.9', 'forged'), mine('10.0.0.1', 'mine'))
    await ear.waitForFrame(mine('10.0.0.1', 'mine'))
    expect(ear.frames).not.toContain(mine('10.0.0.9', 'forged'))
    expect(await requestDhcpLease(one)).toMatchObject({ ip: '10.0.0.1' })
  })

  test('passes all frames when it is off', async () => {
    const more = {
      networkId: NETWORK.replace(/^0a/, '0c'),
      portSecurity: false,
      fixedIPs: [fixedIP(5, { dhcp: false })],
    }
    const free = await host.boot(createGuest(3, more))
    const other = await host.boot(createGuest(4, more))
    using ear = await captureFrames(other)
    await sendFrames(free, ...Object.values(forged))
    // The receiving kernel removes the VLAN tag, so find that frame by the text "vlan" in its payload.
    for (const sent of Object.values(forged))
      await ear.waitForFrame(sent.includes('81000005') ? frame.hexText('vlan') : sent)
  })

  test('drops frames with another MAC when the port has no addresses', async () => {
    const more = { networkId: NETWORK.replace(/^0a/, '0d'), fixedIPs: [] }
    const one = await host.boot(createGuest(11, more))
    const two = await host.boot(createGuest(12, more))
    using ear = await captureFrames(two)
    const any = frame.udpIpv4Frame(
      { from: createNic(11).macAddress },
      datagram({ src: '172.16.0.1', text: 'any address' }),
    )
    const mac = frame.udpIpv4Frame({ from: MAC }, datagram({ text: 'any mac' }))
    await sendFrames(one, mac, any)
    await ear.waitForFrame(any)
    expect(ear.frames).not.toContain(mac)
  })

  test('is in force again after sync when another program flushed the rules', async () => {
    const sent = frame.udpIpv4Frame({ from: 'fa:16:3e:00:00:07' }, datagram({ text: 'mac' }))
    const plugged = [
      createGuest(5, { fixedIPs: [v4, v6] }),
      createGuest(6, { fixedIPs: [fixedIP(6, { dhcp: false })] }),
    ]
    for (const harm of ['flush ruleset', 'flush chain bridge kubenova prerouting']) {
      await host.space.run('nft', ...harm.split(' '))
      expect(await sendAndReceive(sent)).toEqual([sent])
      expect(await host.net.sync(plugged, ctx)).toEqual(new Map())
      expect(await sendAndReceive(sent)).toEqual([])
    }
  })
})

test('a guest does not reach the host through its bridge, though Linux would answer', async () => {
  await using lone = await makeHost()
  const machine = await lone.boot(createGuest(5))
  await lone.space.run('ip', 'address', 'add', '10.0.0.77/32', 'dev', 'lo')
  const ask = frame.arpFrame(from, { ip: '10.0.0.5', target: '10.0.0.77' })
  const answer = frame.hexIp('10.0.0.77') + MAC.replaceAll(':', '')
  using ear = await captureFrames(machine)
  await sendFrames(machine, ask)
  // Frames stay in order: an answer to the ARP request would have arrived before the DHCP answer.
  expect(await requestDhcpLease(machine)).toMatchObject({ ip: '10.0.0.5' })
  expect(ear.frames.filter((f) => f.includes(answer))).toEqual([])
  // Check that the test can fail: without the rule, Linux does answer.
  await lone.space.run('nft', 'delete', 'chain', 'bridge', 'kubenova', 'input')
  await sendFrames(machine, ask)
  await ear.waitForFrame(answer)
})
