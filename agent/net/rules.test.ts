import { describe, expect, test } from 'vitest'
import type { Interface } from '../../crds/kinds/server-status.ts'
import { changes, type Rules, replacement, sameRules } from './rules.ts'
import { fixedIP, guest, KEY, NETWORK, rulesFor } from './testing.ts'

/** The rules of one chain. */
const chain = (rules: Rules, name: string): string[] | undefined =>
  rules
    .get(name)
    ?.split('\n')
    .slice(0, -1)
    .map((line) => line.trim())

describe('rules', () => {
  test('none where no guest is; the table then goes', () => {
    expect(rulesFor().size).toBe(0)
    expect(replacement(rulesFor())).toBe('add table bridge kubenova\ndelete table bridge kubenova\n')
  })

  test('the same guests in another order give the same rules, others do not', () => {
    expect(sameRules(rulesFor(guest(5), guest(6)), rulesFor(guest(6), guest(5)))).toBe(true)
    expect(sameRules(rulesFor(guest(5), guest(6)), rulesFor(guest(5)))).toBe(false)
    expect(sameRules(rulesFor(guest(5)), rulesFor(guest(5), guest(6)))).toBe(false)
    expect(sameRules(rulesFor(guest(5)), rulesFor(guest(5, { bridge: 'br0' })))).toBe(false)
  })

  test('of one guest more, only its own chain and those that lead to it are written; of one less it goes last', () => {
    const [two, three] = [rulesFor(guest(5), guest(6)), rulesFor(guest(5), guest(6), guest(7))]
    const more = changes(two, three)
    expect(more).toContain('  chain tap00000007-aa {')
    expect(more).not.toContain('chain tap00000006-aa {')
    expect(more).not.toMatch(/delete|flush chain bridge kubenova tap/)
    expect(more).toContain('flush chain bridge kubenova prerouting\n')
    const less = changes(three, two)
    expect(less.endsWith('}\ndelete chain bridge kubenova tap00000007-aa\n')).toBe(true)
    expect(less).not.toContain('chain tap00000006-aa {')
  })

  test('a guest with port security has a chain by the name of its tap; one without has none', () => {
    const rules = rulesFor(guest(5), guest(6, { portSecurity: false }))
    expect(chain(rules, 'prerouting')?.[1]).toBe('iifname vmap { "tap00000005-aa" : jump tap00000005-aa }')
    expect(chain(rules, 'tap00000005-aa')).toContain('ip saddr { 10.0.0.5 } accept')
    expect(chain(rules, 'tap00000005-aa')?.at(-1)).toBe('counter drop')
    expect(rules.has('tap00000006-aa')).toBe(false)
  })

  test('a port of IPv6 alone sends no IPv4 but to ask for an address', () => {
    const v6: Partial<Interface> = { fixedIPs: [fixedIP(5, { address: 'fd00::5', prefixLength: 64, dhcp: false })] }
    const rules = chain(rulesFor(guest(5, v6)), 'tap00000005-aa') ?? []
    expect(rules.filter((r) => r.startsWith('ip saddr'))).toEqual([
      'ip saddr { 0.0.0.0 } udp dport 67 @th,256,80 0x00000000fa163e000005 accept',
    ])
    expect(rules.filter((r) => r.startsWith('arp saddr ip'))).toEqual([])
    expect(rules).toContain('ip6 saddr { fe80::f816:3eff:fe00:5, fd00::5 } @th,0,8 0-255 accept')
  })

  test('who asks whether an address is in use asks for its own', () => {
    const both = [fixedIP(5), fixedIP(5, { address: 'fd00::5', prefixLength: 64 })]
    const rules = chain(rulesFor(guest(5, { fixedIPs: both })), 'tap00000005-aa')
    expect(rules).toContain('arp saddr ip { 10.0.0.5 } accept')
    expect(rules).toContain('arp saddr ip 0.0.0.0 arp daddr ip { 10.0.0.5 } accept')
    const own = '{ 0xfe80000000000000f8163efffe000005, 0xfd000000000000000000000000000005 }'
    expect(rules).toContain(`ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 ${own} accept`)
  })

  test('a port without addresses may have any, and its own MAC in what it says', () => {
    const rules = chain(rulesFor(guest(5, { fixedIPs: [] })), 'tap00000005-aa') ?? []
    expect(rules.filter((r) => /^arp saddr ip|^ip6? saddr/.test(r))).toEqual([])
    expect(rules).toContain('ether type ip udp dport 67 @th,256,80 0x00000000fa163e000005 accept')
    expect(rules).not.toContain('counter drop')
  })

  test('a bridge of ours is cut off from the host, one of the host is not; a DHCP port always is', () => {
    const port = `kd${KEY}`
    expect(chain(rulesFor(guest(5, { uplink: 'eth1' })), 'input')?.[1]).toBe(
      `iifname { "tap00000005-aa", "eth1", "${port}" } counter drop`,
    )
    expect(chain(rulesFor(guest(5, { bridge: 'br0' })), 'input')?.[1]).toBe(`iifname { "${port}" } counter drop`)
    expect(chain(rulesFor(guest(5, { bridge: 'br0', fixedIPs: [] })), 'input')).toHaveLength(1)
  })

  test('a DHCP port speaks with the guests of its own network, also where two share a bridge', () => {
    const other = { networkId: NETWORK.replace(/^0a/, '0b'), bridge: 'br0' }
    const rules = rulesFor(guest(5, { bridge: 'br0' }), guest(6, other))
    expect(chain(rules, `dhcp-${KEY}-sends`)).toEqual(['oifname != { "tap00000005-aa" } counter drop'])
    expect(chain(rules, `guest-0b${KEY.slice(2)}-sends`)).toEqual([
      `oifname != "kd0b${KEY.slice(2)}" udp dport { 67, 547 } counter drop`,
    ])
  })
})
