/**
 * The nftables rules of this host's guests: one table, each change of it one transaction. Rules name devices, so that they are in force
 * before libvirt makes the tap.
 *   prerouting  a guest with port security sends only from its MAC and its addresses, and no DHCP answers or router advertisements
 *               (guest-rules.ts)
 *   forward     DHCP's port speaks with this host's guests of its network only, and they with no other DHCP server
 *   input       nothing from a bridge of ours reaches the host itself, though it has an address elsewhere
 */
import { EVERY_GUEST, everyGuestsRules, guestRules } from './guest-rules.ts'
import { dhcpPortName } from './names.ts'
import type { DesiredNetwork } from './types.ts'

export const TABLE = 'kubenova'

/** The chains of the table by name, each as the text of its rules. Without any there is no table. */
export type Rules = ReadonlyMap<string, string>

export const NO_RULES: Rules = new Map()

export function rulesOf(networks: readonly DesiredNetwork[]): Rules {
  if (networks.length === 0) return NO_RULES
  const guarded = networks.flatMap((n) => n.ports).filter((p) => p.portSecurity)
  const served = networks.filter((n) => n.dhcp)
  return new Map([
    chain(EVERY_GUEST, everyGuestsRules),
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
  ])
}

export const sameRules = (a: Rules, b: Rules): boolean =>
  a.size === b.size && [...a].every(([name, text]) => b.get(name) === text)

/**
 * What `nft -f -` reads to have these rules whatever was there. In one transaction: no frame passes between old and new. `add` first, because
 * a table that is not there cannot be deleted.
 */
export const replacement = (to: Rules): string =>
  `add table bridge ${TABLE}\ndelete table bridge ${TABLE}\n${to.size === 0 ? '' : block(to)}`

/**
 * The same where these rules are in force, and neither are none: only the chains that differ are written, for nft takes seconds for those of some hundred
 * guests. A chain can go when none leads to it any more, so that those that stay come first.
 */
export function changes(from: Rules, to: Rules): string {
  const changed = new Map([...to].filter(([name, text]) => from.get(name) !== text))
  const old = [...changed.keys()].filter((name) => from.has(name))
  const gone = [...from.keys()].filter((name) => !to.has(name))
  return `${command('flush', old)}${block(changed)}${command('delete', gone)}`
}

const block = (rules: Rules): string =>
  `table bridge ${TABLE} {\n${[...rules].map(([name, text]) => `  chain ${name} {\n${text}  }\n`).join('')}}\n`

const command = (verb: 'flush' | 'delete', chains: readonly string[]): string =>
  chains.map((name) => `${verb} chain bridge ${TABLE} ${name}\n`).join('')

const chain = (name: string, rules: readonly string[]): [string, string] => [
  name,
  rules.map((rule) => `    ${rule}\n`).join(''),
]

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

function dhcpChains({ key, ports }: DesiredNetwork): [string, string][] {
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
