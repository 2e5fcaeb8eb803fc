import { describe, expect, test } from 'vitest'
import type { Interface } from '../../crds/kinds/server-status.ts'
import { areRulesEqual, type Rules, renderChanges, renderReplacement } from './rules.ts'
import { createGuest, fixedIP, KEY, NETWORK, rulesFor } from './testing.ts'

const chainLines = (rules: Rules, name: string): string[] | undefined =>
  rules
    .get(name)
    ?.split('\n')
    .slice(0, -1)
    .map((line) => line.trim())

describe('rulesOf', () => {
  test('gives no rules without guests, and renderReplacement then deletes the table', () => {
    expect(rulesFor().size).toBe(0)
    expect(renderReplacement(rulesFor())).toBe('add table bridge kubenova\ndelete table bridge kubenova\n')
  })

  test('gives equal rules for the same guests in another order only', () => {
    expect(areRulesEqual(rulesFor(createGuest(5), createGuest(6)), rulesFor(createGuest(6), createGuest(5)))).toBe(true)
    expect(areRulesEqual(rulesFor(createGuest(5), createGuest(6)), rulesFor(createGuest(5)))).toBe(false)
    expect(areRulesEqual(rulesFor(createGuest(5)), rulesFor(createGuest(5), createGuest(6)))).toBe(false)
    expect(areRulesEqual(rulesFor(createGuest(5)), rulesFor(createGuest(5, { bridge: 'br0' })))).toBe(false)
  })

  test('renderChanges writes only the chains of the added guest and deletes those of a removed guest last', () => {
    const [two, three] = [
      rulesFor(createGuest(5), createGuest(6)),
      rulesFor(createGuest(5), createGuest(6), createGuest(7)),
    ]
    const more = renderChanges(two, three)
    expect(more).toContain('  chain tap00000007-aa {')
    expect(more).not.toContain('chain tap00000006-aa {')
    expect(more).not.toMatch(/delete|flush chain bridge kubenova tap/)
    expect(more).toContain('flush chain bridge kubenova prerouting\n')
    const less = renderChanges(three, two)
    expect(less.endsWith('}\ndelete chain bridge kubenova tap00000007-aa\n')).toBe(true)
    expect(less).not.toContain('chain tap00000006-aa {')
  })

  test('gives a guest with port security a chain named after its tap, and none to a guest without', () => {
    const rules = rulesFor(createGuest(5), createGuest(6, { portSecurity: false }))
    expect(chainLines(rules, 'prerouting')?.[1]).toBe('iifname vmap { "tap00000005-aa" : jump tap00000005-aa }')
    expect(chainLines(rules, 'tap00000005-aa')).toContain('ip saddr { 10.0.0.5 } accept')
    expect(chainLines(rules, 'tap00000005-aa')?.at(-1)).toBe('counter drop')
    expect(rules.has('tap00000006-aa')).toBe(false)
  })

  test('allows a port with IPv6 addresses only no IPv4 except a DHCP request', () => {
    const v6: Partial<Interface> = { fixedIPs: [fixedIP(5, { address: 'fd00::5', prefixLength: 64, dhcp: false })] }
    const rules = chainLines(rulesFor(createGuest(5, v6)), 'tap00000005-aa') ?? []
    expect(rules.filter((r) => r.startsWith('ip saddr'))).toEqual([
      'ip saddr { 0.0.0.0 } udp dport 67 @th,256,80 0x00000000fa163e000005 accept',
    ])
    expect(rules.filter((r) => r.startsWith('arp saddr ip'))).toEqual([])
    expect(rules).toContain('ip6 saddr { fe80::f816:3eff:fe00:5, fd00::5 } @th,0,8 0-255 accept')
  })

  test('allows probes for an address in use only for own addresses', () => {
    const both = [
      fixedIP(5),
      fixedIP(5, { address: 'fd00::5', prefixLength: 64, gateway: 'fd00::1', dhcpAddress: 'fd00::2' }),
    ]
    const rules = chainLines(rulesFor(createGuest(5, { fixedIPs: both })), 'tap00000005-aa')
    expect(rules).toContain('arp saddr ip { 10.0.0.5 } accept')
    expect(rules).toContain('arp saddr ip 0.0.0.0 arp daddr ip { 10.0.0.5 } accept')
    const own = '{ 0xfe80000000000000f8163efffe000005, 0xfd000000000000000000000000000005 }'
    expect(rules).toContain(`ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 ${own} accept`)
  })

  test('binds a port without addresses to its MAC only', () => {
    const rules = chainLines(rulesFor(createGuest(5, { fixedIPs: [] })), 'tap00000005-aa') ?? []
    expect(rules.filter((r) => /^arp saddr ip|^ip6? saddr/.test(r))).toEqual([])
    expect(rules).toContain('ether type ip udp dport 67 @th,256,80 0x00000000fa163e000005 accept')
    expect(rules).not.toContain('counter drop')
  })

  test('drops frames to the host from DHCP ports and from ports of own bridges, not from guests on a bridge of the host', () => {
    const port = `kd${KEY}`
    expect(chainLines(rulesFor(createGuest(5, { uplink: 'eth1' })), 'input')?.[1]).toBe(
      `iifname { "tap00000005-aa", "eth1", "${port}" } counter drop`,
    )
    expect(chainLines(rulesFor(createGuest(5, { bridge: 'br0' })), 'input')?.[1]).toBe(
      `iifname { "${port}" } counter drop`,
    )
    expect(chainLines(rulesFor(createGuest(5, { bridge: 'br0', fixedIPs: [] })), 'input')).toHaveLength(1)
  })

  test('lets a DHCP port exchange frames with guests of its own network only, also when two networks share a bridge', () => {
    const other = { networkId: NETWORK.replace(/^0a/, '0b'), bridge: 'br0' }
    const rules = rulesFor(createGuest(5, { bridge: 'br0' }), createGuest(6, other))
    expect(chainLines(rules, `dhcp-${KEY}-sends`)).toEqual(['oifname != { "tap00000005-aa" } counter drop'])
    expect(chainLines(rules, `guest-0b${KEY.slice(2)}-sends`)).toEqual([
      `oifname != "kd0b${KEY.slice(2)}" udp dport { 67, 547 } counter drop`,
    ])
  })
})
