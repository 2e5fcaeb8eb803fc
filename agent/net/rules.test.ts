import { describe, expect, test } from 'vitest'
import type { Interface } from '../../crds/kinds/server-status.ts'
import { desiredNetworks } from './desired.ts'
import { rulesText, transaction } from './rules.ts'
import { fixedIP, guest, KEY, NETWORK } from './testing.ts'

const rulesOf = (...guests: Parameters<typeof desiredNetworks>[0]) =>
  rulesText([...desiredNetworks(guests, { folder: (key) => `/state/${key}` }).values()])

/** The rules of one chain. */
function chain(text: string, name: string): string[] | undefined {
  const block = text.split('\n  chain ').find((part) => part.startsWith(`${name} {`))
  return block
    ?.split('\n  }')[0]
    ?.split('\n')
    .slice(1)
    .map((line) => line.trim())
}

describe('rules', () => {
  test('none where no guest is; the table then goes', () => {
    expect(rulesOf()).toBe('')
    expect(transaction('')).toBe('add table bridge kubenova\ndelete table bridge kubenova\n')
  })

  test('the same guests in another order give the same text', () => {
    expect(rulesOf(guest(5), guest(6))).toBe(rulesOf(guest(6), guest(5)))
  })

  test('a guest with port security has a chain by the name of its tap; one without has none', () => {
    const text = rulesOf(guest(5), guest(6, { portSecurity: false }))
    expect(chain(text, 'prerouting')?.[1]).toBe('iifname vmap { "tap00000005-aa" : jump tap00000005-aa }')
    expect(chain(text, 'tap00000005-aa')).toContain('ip saddr { 10.0.0.5 } accept')
    expect(chain(text, 'tap00000005-aa')?.at(-1)).toBe('counter drop')
    expect(text).not.toContain('chain tap00000006-aa')
  })

  test('a port of IPv6 alone sends no IPv4 but to ask for an address', () => {
    const v6: Partial<Interface> = { fixedIPs: [fixedIP(5, { address: 'fd00::5', prefixLength: 64, dhcp: false })] }
    const rules = chain(rulesOf(guest(5, v6)), 'tap00000005-aa') ?? []
    expect(rules.filter((r) => r.startsWith('ip saddr'))).toEqual(['ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept'])
    expect(rules).toContain('arp saddr ip { 0.0.0.0 } accept')
    expect(rules).toContain('ip6 saddr { fe80::f816:3eff:fe00:5, fd00::5 } accept')
  })

  test('a bridge of ours is cut off from the host, one of the host is not; a DHCP port always is', () => {
    const port = `kd${KEY}`
    expect(chain(rulesOf(guest(5, { uplink: 'eth1' })), 'input')?.[1]).toBe(
      `iifname { "tap00000005-aa", "eth1", "${port}" } counter drop`,
    )
    expect(chain(rulesOf(guest(5, { bridge: 'br0' })), 'input')?.[1]).toBe(`iifname { "${port}" } counter drop`)
    expect(chain(rulesOf(guest(5, { bridge: 'br0', fixedIPs: [] })), 'input')).toHaveLength(1)
  })

  test('a DHCP port speaks with the guests of its own network, also where two share a bridge', () => {
    const other = { networkId: NETWORK.replace(/^0a/, '0b'), bridge: 'br0' }
    const text = rulesOf(guest(5, { bridge: 'br0' }), guest(6, other))
    expect(chain(text, `dhcp-${KEY}-sends`)).toEqual(['oifname != { "tap00000005-aa" } counter drop'])
    expect(chain(text, `guest-0b${KEY.slice(2)}-sends`)).toEqual([
      `oifname != "kd0b${KEY.slice(2)}" udp dport { 67, 547 } counter drop`,
    ])
  })
})
