/** Each test also runs without the nftables rules, to show that the forged messages would then do harm. */
import { expect, test } from 'vitest'
import * as frame from '../../test/rig/frames.ts'
import { captureFrames, requestDhcpLease, requestDhcpv6Offer, type Space, sendFrames } from '../../test/rig/segment.ts'
import { createGuest, createNic, makeHost, type TestHost } from './testing.ts'

const [MAC, VICTIM] = [createNic(5).macAddress, createNic(6).macAddress]
const LL = 'fe80::f816:3eff:fe00:5'
const SERVER = frame.hexIp('10.0.0.254')

const removeRules = ({ space }: TestHost) => space.run('nft', 'flush', 'chain', 'bridge', 'kubenova', 'prerouting')

const bootpFrame = (message: Partial<Parameters<typeof frame.dhcpMessage>[0]>) =>
  frame.udpIpv4Frame(
    { from: MAC },
    {
      src: '0.0.0.0',
      dst: '255.255.255.255',
      sport: 68,
      dport: 67,
      body: frame.dhcpMessage({ type: 4, chaddr: MAC, ...message }),
    },
  )

test('the rules drop a forged DHCP DECLINE of a neighbour’s address', async () => {
  await using host = await makeHost()
  const attacker = await host.boot(createGuest(5))
  const victim = await host.boot(createGuest(6))
  expect(await requestDhcpLease(victim)).toMatchObject({ ip: '10.0.0.6' })
  const forged = bootpFrame({ chaddr: VICTIM, options: { 50: frame.hexIp('10.0.0.6'), 54: SERVER } })
  await sendFrames(attacker, forged)
  expect(await requestDhcpLease(attacker)).toMatchObject({ ip: '10.0.0.5' })
  expect(await requestDhcpLease(victim)).toMatchObject({ ip: '10.0.0.6' })
  await removeRules(host)
  await sendFrames(attacker, forged)
  expect(await requestDhcpLease(victim, 2)).toBeUndefined()
})

const option6 = (code: number, value: string) =>
  `${code.toString(16).padStart(4, '0')}${(value.length / 2).toString(16).padStart(4, '0')}${value}`

/** The server identifier is a DUID with a MAC (RFC 8415, section 11.4). */
async function serverId(victim: Space): Promise<string> {
  using ear = await captureFrames(victim)
  expect(await requestDhcpv6Offer(victim, VICTIM)).toBe('fd00:5::6')
  const start = '0002000a00030001'
  await ear.waitForFrame(start)
  const answer = ear.frames.find((f) => f.includes(start)) ?? ''
  return answer.slice(answer.indexOf(start) + 8).slice(0, 20)
}

const SUBNET = `fd000005${'0'.repeat(24)}`

/** Returns a DHCPv6 DECLINE of guest 6's address fd00:5::6 (RFC 8415, sections 8 and 21). */
const decline6 = (server: string) => {
  const address = option6(5, `fd000005${'0'.repeat(20)}0006${'0'.repeat(16)}`)
  return `09abcdef${option6(1, '00030001fa163e000055')}${option6(2, server)}${option6(3, '0'.repeat(24) + address)}`
}

const dhcp6Frame = (body: string) =>
  frame.udpIpv6Frame(
    { from: MAC, to: '33:33:00:01:00:02' },
    { src: LL, dst: 'ff02::1:2', sport: 546, dport: 547, body },
  )

const disguises: Record<string, (server: string) => string[]> = {
  'sent as a relay with guest 6 as its client (RFC 6939)': (server) => [
    dhcp6Frame(
      `0c00${SUBNET}${'0'.repeat(32)}${option6(79, `0001${VICTIM.replaceAll(':', '')}`)}${option6(9, decline6(server))}`,
    ),
  ],
  'sent after a neighbour solicitation with guest 6’s MAC': (server) => [
    frame.icmpv6Frame(
      { from: MAC, to: '33:33:ff:00:00:fe' },
      { src: LL, dst: 'ff02::1:ff00:fe', type: 135, target: 'fd00:5::fe', options: frame.linkOption(1, VICTIM) },
    ),
    dhcp6Frame(decline6(server)),
  ],
}

const ipv6FixedIPOf = (n: number) => ({
  address: `fd00:5::${n}`,
  prefixLength: 64,
  dhcp: true,
  dhcpAddress: 'fd00:5::fe',
})

/**
 * Each call creates a new host and boots guest 5 last, so that dnsmasq must look up the MAC of guest 5 when the forged
 * frames arrive.
 */
async function addressOfferedAfter(forge: (server: string) => string[], prepare: (host: TestHost) => Promise<unknown>) {
  await using host = await makeHost()
  const victim = await host.boot(createGuest(6, { fixedIPs: [ipv6FixedIPOf(6)] }))
  const server = await serverId(victim)
  const attacker = await host.boot(createGuest(5, { fixedIPs: [ipv6FixedIPOf(5)] }))
  await prepare(host)
  await sendFrames(attacker, ...forge(server))
  return await requestDhcpv6Offer(victim, VICTIM)
}

test.each(Object.entries(disguises))(
  'the rules drop a forged DHCPv6 DECLINE of a neighbour’s address, %s',
  async (_, forge) => {
    expect(await addressOfferedAfter(forge, () => Promise.resolve())).toBe('fd00:5::6')
    await expect(addressOfferedAfter(forge, removeRules)).rejects.toThrow('ValueError')
  },
)
