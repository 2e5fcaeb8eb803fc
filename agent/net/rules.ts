/**
 * The nftables rules of this host's guests: one table, replaced whole and at once. Rules name devices, so that they are in force
 * before libvirt makes the tap.
 *   prerouting  a guest with port security sends only from its MAC and its addresses, and no DHCP answers or router advertisements
 *               (guest-rules.ts)
 *   forward     DHCP's port speaks with this host's guests of its network only, and they with no other DHCP server
 *   input       nothing from a bridge of ours reaches the host itself, though it has an address elsewhere
 */
import { guestRules } from './guest-rules.ts'
import { dhcpPortName } from './names.ts'
import type { DesiredNetwork } from './types.ts'

export const TABLE = 'kubenova'

/** What `nft -f -` reads; '' when no network is there. In one transaction: no frame passes between old and new. */
export function rulesText(networks: readonly DesiredNetwork[]): string {
  if (networks.length === 0) return ''
  const guarded = networks.flatMap((n) => n.ports).filter((p) => p.portSecurity)
  const served = networks.filter((n) => n.dhcp)
  const chains = [
    ...guarded.map((port) => chain(port.tap, guestRules(port))),
    ...served.flatMap(dhcpChains),
    chain('prerouting', [hook('prerouting'), ...vmap('iifname', new Map(guarded.map((p) => [p.tap, p.tap])))]),
    chain('forward', [hook('forward'), ...vmap('iifname', senders(served)), ...vmap('oifname', receivers(served))]),
    chain('input', [hook('input'), ...drop('iifname', networks.flatMap(keptFromHost))]),
    chain('output', [
      hook('output'),
      ...drop(
        'oifname',
        served.map((n) => dhcpPortName(n.key)),
      ),
    ]),
  ]
  return `table bridge ${TABLE} {\n${chains.join('\n')}}\n`
}

/** Replaces the table, or takes it away. `add` first, because a table that is not there cannot be deleted. */
export function transaction(text: string): string {
  return `add table bridge ${TABLE}\ndelete table bridge ${TABLE}\n${text}`
}

const chain = (name: string, rules: readonly string[]): string =>
  `  chain ${name} {\n${rules.map((rule) => `    ${rule}\n`).join('')}  }\n`

/** -300 is where a bridge changes addresses (dstnat): before all that others do. */
const hook = (name: string): string => `type filter hook ${name} priority -300; policy accept;`

const quoted = (names: readonly string[]): string => `{ ${names.map((n) => `"${n}"`).join(', ')} }`

function vmap(field: string, chains: ReadonlyMap<string, string>): string[] {
  const cases = [...chains].map(([device, name]) => `"${device}" : jump ${name}`)
  return cases.length === 0 ? [] : [`${field} vmap { ${cases.join(', ')} }`]
}

const drop = (field: string, devices: readonly string[]): string[] =>
  devices.length === 0 ? [] : [`${field} ${quoted(devices)} counter drop`]

const names = (key: string) => ({
  fromDhcp: `dhcp-${key}-sends`,
  toDhcp: `dhcp-${key}-receives`,
  fromGuest: `guest-${key}-sends`,
  toGuest: `guest-${key}-receives`,
})

function dhcpChains({ key, ports }: DesiredNetwork): string[] {
  const port = dhcpPortName(key)
  const taps = quoted(ports.map((p) => p.tap))
  return [
    chain(names(key).fromDhcp, [`oifname != ${taps} counter drop`]),
    chain(names(key).toDhcp, [`iifname != ${taps} counter drop`]),
    chain(names(key).fromGuest, [`oifname != "${port}" udp dport { 67, 547 } counter drop`]),
    // Clients look at their own port, and some not at the server's.
    chain(names(key).toGuest, [
      `iifname != "${port}" udp sport { 67, 547 } counter drop`,
      `iifname != "${port}" udp dport { 68, 546 } counter drop`,
    ]),
  ]
}

function byDevice(served: readonly DesiredNetwork[], dhcp: 'fromDhcp' | 'toDhcp', guest: 'fromGuest' | 'toGuest') {
  return new Map(
    served.flatMap(({ key, ports }): [string, string][] => [
      [dhcpPortName(key), names(key)[dhcp]],
      ...ports.map((p): [string, string] => [p.tap, names(key)[guest]]),
    ]),
  )
}

const senders = (served: readonly DesiredNetwork[]) => byDevice(served, 'fromDhcp', 'fromGuest')
const receivers = (served: readonly DesiredNetwork[]) => byDevice(served, 'toDhcp', 'toGuest')

/**
 * Linux answers ARP for any of its addresses on any device, a bridge without addresses included: hence this. On a bridge of the
 * host's, guests may speak with the host as its neighbours may.
 */
function keptFromHost({ key, ownBridge, ports, uplink, dhcp }: DesiredNetwork): string[] {
  const own = [...ports.map((p) => p.tap), ...(uplink === undefined ? [] : [uplink])]
  return [...(ownBridge ? own : []), ...(dhcp ? [dhcpPortName(key)] : [])]
}
