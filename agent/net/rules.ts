/**
 * Renders the nftables rules for this host's guests (VMs). They are one table, and each change is one transaction.
 * Rules match devices by name, so they can be in force before libvirt creates the tap. Pure. The chains:
 *   prerouting  a guest with port security sends only from its MAC and addresses, and sends no DHCP answers and no
 *               router advertisements (guest-rules.ts)
 *   forward     a DHCP server's port exchanges frames only with this host's guests of its network, and these guests
 *               exchange DHCP messages with no other server
 *   input       no frame from one of the agent's bridges reaches the host itself
 *   output      no frame of the host itself reaches the port of a DHCP server
 */
import { COMMON_GUEST_CHAIN, commonGuestRules, guestRules } from './guest-rules.ts'
import { dhcpPortName } from './names.ts'
import type { DesiredNetwork } from './types.ts'

export const TABLE = 'kubenova'

/** The text of each chain's rules, by the chain's name. An empty map means that there is no table. */
export type Rules = ReadonlyMap<string, string>

export const NO_RULES: Rules = new Map()

export function rulesOf(networks: readonly DesiredNetwork[]): Rules {
  if (networks.length === 0) return NO_RULES
  const securedPorts = networks.flatMap((n) => n.ports).filter((p) => p.portSecurity)
  const dhcpNetworks = networks.filter((n) => n.dhcp)
  return new Map([
    renderChain(COMMON_GUEST_CHAIN, commonGuestRules),
    ...securedPorts.map((port) => renderChain(port.tap, guestRules(port))),
    ...dhcpNetworks.flatMap(dhcpChains),
    renderChain('prerouting', [
      baseChainDeclaration('prerouting'),
      ...vmapRule('iifname', new Map(securedPorts.map((p) => [p.tap, p.tap]))),
    ]),
    renderChain('forward', [
      baseChainDeclaration('forward'),
      ...vmapRule('iifname', sendChains(dhcpNetworks)),
      ...vmapRule('oifname', receiveChains(dhcpNetworks)),
    ]),
    renderChain('input', [
      baseChainDeclaration('input'),
      ...dropRule('iifname', networks.flatMap(devicesBarredFromHost)),
    ]),
    renderChain('output', [
      baseChainDeclaration('output'),
      ...dropRule(
        'oifname',
        dhcpNetworks.map((n) => dhcpPortName(n.key)),
      ),
    ]),
  ])
}

export const areRulesEqual = (a: Rules, b: Rules): boolean =>
  a.size === b.size && [...a].every(([name, text]) => b.get(name) === text)

/**
 * Renders input for `nft -f -` that replaces the agent's table in one transaction. `add` comes first, because `delete`
 * fails if there is no table.
 */
export const renderReplacement = (to: Rules): string =>
  `add table bridge ${TABLE}\ndelete table bridge ${TABLE}\n${to.size === 0 ? '' : renderTable(to)}`

/**
 * Renders input for `nft -f -`. Neither `from` nor `to` may be empty. Contains only the chains that differ, because nft
 * takes seconds for some hundred guests. Deletes chains last: nft does not delete a chain that another one jumps to.
 */
export function renderChanges(from: Rules, to: Rules): string {
  const changed = new Map([...to].filter(([name, text]) => from.get(name) !== text))
  const rewritten = [...changed.keys()].filter((name) => from.has(name))
  const obsolete = [...from.keys()].filter((name) => !to.has(name))
  return `${chainCommands('flush', rewritten)}${renderTable(changed)}${chainCommands('delete', obsolete)}`
}

const renderTable = (rules: Rules): string =>
  `table bridge ${TABLE} {\n${[...rules].map(([name, text]) => `  chain ${name} {\n${text}  }\n`).join('')}}\n`

const chainCommands = (verb: 'flush' | 'delete', chains: readonly string[]): string =>
  chains.map((name) => `${verb} chain bridge ${TABLE} ${name}\n`).join('')

const renderChain = (name: string, rules: readonly string[]): [string, string] => [
  name,
  rules.map((rule) => `    ${rule}\n`).join(''),
]

/**
 * -300 (dstnat) is the earliest priority with a name in the bridge family, so these rules come before those of other
 * tables.
 */
const baseChainDeclaration = (name: string): string => `type filter hook ${name} priority -300; policy accept;`

const renderNameSet = (names: readonly string[]): string => `{ ${names.map((n) => `"${n}"`).join(', ')} }`

/** @param chains the name of each device's chain, by device name */
function vmapRule(field: string, chains: ReadonlyMap<string, string>): string[] {
  const entries = [...chains].map(([device, name]) => `"${device}" : jump ${name}`)
  return entries.length === 0 ? [] : [`${field} vmap { ${entries.join(', ')} }`]
}

const dropRule = (field: string, devices: readonly string[]): string[] =>
  devices.length === 0 ? [] : [`${field} ${renderNameSet(devices)} counter drop`]

const dhcpChainNames = (key: string) => ({
  dhcpSends: `dhcp-${key}-sends`,
  dhcpReceives: `dhcp-${key}-receives`,
  guestSends: `guest-${key}-sends`,
  guestReceives: `guest-${key}-receives`,
})

function dhcpChains({ key, ports }: DesiredNetwork): [string, string][] {
  const port = dhcpPortName(key)
  const names = dhcpChainNames(key)
  const taps = renderNameSet(ports.map((p) => p.tap))
  return [
    renderChain(names.dhcpSends, [`oifname != ${taps} counter drop`]),
    renderChain(names.dhcpReceives, [`iifname != ${taps} counter drop`]),
    renderChain(names.guestSends, [`oifname != "${port}" udp dport { 67, 547 } counter drop`]),
    // Some DHCP clients accept an answer from any server port, so match the client's port, too.
    renderChain(names.guestReceives, [
      `iifname != "${port}" udp sport { 67, 547 } counter drop`,
      `iifname != "${port}" udp dport { 68, 546 } counter drop`,
    ]),
  ]
}

/**
 * @param dhcp the chain for the ports of DHCP servers
 * @param guest the chain for the guests' taps
 */
function chainsByDevice(
  networks: readonly DesiredNetwork[],
  dhcp: 'dhcpSends' | 'dhcpReceives',
  guest: 'guestSends' | 'guestReceives',
) {
  return new Map(
    networks.flatMap(({ key, ports }): [string, string][] => [
      [dhcpPortName(key), dhcpChainNames(key)[dhcp]],
      ...ports.map((p): [string, string] => [p.tap, dhcpChainNames(key)[guest]]),
    ]),
  )
}

const sendChains = (networks: readonly DesiredNetwork[]) => chainsByDevice(networks, 'dhcpSends', 'guestSends')
const receiveChains = (networks: readonly DesiredNetwork[]) => chainsByDevice(networks, 'dhcpReceives', 'guestReceives')

/**
 * Returns the devices whose frames must not reach the host: Linux answers ARP on any device for all addresses of the
 * host. Through a bridge of the administrator, guests may reach the host, so only the DHCP server's port is returned.
 */
function devicesBarredFromHost({ key, ownBridge, ports, uplink, dhcp }: DesiredNetwork): string[] {
  const devices = [...ports.map((p) => p.tap), ...(uplink === undefined ? [] : [uplink])]
  return [...(ownBridge ? devices : []), ...(dhcp ? [dhcpPortName(key)] : [])]
}
