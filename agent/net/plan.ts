/**
 * Returns the commands that change the host's network from the observed to the desired state. Order: take down what no
 * guest needs, change the nftables rules, set up networks. So no device is connected before its rules are in force.
 * Pure.
 */
import { dhcpPortName, networkKeyFromDeviceName, ownBridgeName } from './names.ts'
import { deleteLinkCommand, planDhcp, planDhcpTeardown } from './plan-dhcp.ts'
import { areRulesEqual, type Rules } from './rules.ts'
import type { Command, DesiredNetwork, Link, Observed } from './types.ts'

export interface PlanOptions {
  /** The desired nftables rules of all networks. */
  readonly rules: Rules
  /**
   * Keys (names.ts) of the networks to set up. The plan always takes down networks without a guest and applies the
   * rules of all networks.
   */
  readonly keys: ReadonlySet<string>
  readonly blocked: ReadonlySet<string>
  readonly folder: (key: string) => string
}

export function plan(
  desired: ReadonlyMap<string, DesiredNetwork>,
  observed: Observed,
  { rules, keys, blocked, folder }: PlanOptions,
): Command[] {
  const areRulesInForce = observed.rules !== undefined && areRulesEqual(observed.rules, rules)
  const networks = [...desired.values()].filter((n) => keys.has(n.key) && !blocked.has(n.key))
  return [
    ...orphanedNetworkKeys(desired, observed).flatMap((key) => planTeardown(key, observed, folder(key))),
    ...(areRulesInForce ? [] : [{ do: 'rules' as const, from: observed.rules, to: rules }]),
    ...networks.flatMap((network) => [
      ...planBridge(network, observed),
      ...planTaps(network, observed),
      ...planDhcp(network, observed, folder(network.key)),
    ]),
  ]
}

/** Returns the keys of networks that have devices, a namespace or a dnsmasq on this host but no guest. */
export function orphanedNetworkKeys(
  desired: ReadonlyMap<string, DesiredNetwork>,
  { links, namespaces, dhcp }: Observed,
): string[] {
  const keysOfLinks = [...links.keys()].map(networkKeyFromDeviceName).filter((key) => key !== undefined)
  const keys = new Set([...keysOfLinks, ...namespaces.keys(), ...dhcp.keys()])
  return [...keys].filter((key) => !desired.has(key)).sort()
}

const ipCommand = (key: string, ...args: string[]): Command => ({ key, do: 'exec', argv: ['ip', ...args] })
const setLinkCommand = (key: string, device: string, ...args: string[]) =>
  ipCommand(key, 'link', 'set', 'dev', device, ...args)

function planBridge(network: DesiredNetwork, { links }: Observed): Command[] {
  if (!network.ownBridge) return []
  const { key, bridge, mtu } = network
  const existing = links.get(bridge)
  return [
    ...(existing ? repairBridge(key, existing) : [addBridgeCommand(key, bridge)]),
    // Without addrgenmode none, the bridge gets a link-local address when it goes up, and guests could reach the host
    // there.
    ...(existing?.up && !existing.linkLocal ? [] : [setLinkCommand(key, bridge, 'addrgenmode', 'none')]),
    ...(existing?.mtu === mtu ? [] : [setLinkCommand(key, bridge, 'mtu', String(mtu))]),
    ...foreignBridgePorts(network, links).map((port) => setLinkCommand(key, port.name, 'nomaster')),
    ...planUplink(network, links),
    ...(existing?.up ? [] : [setLinkCommand(key, bridge, 'up')]),
  ]
}

const NO_SPANNING_TREE = ['stp_state', '0', 'forward_delay', '0']

const addBridgeCommand = (key: string, bridge: string): Command =>
  ipCommand(key, 'link', 'add', 'name', bridge, 'type', 'bridge', ...NO_SPANNING_TREE)

const repairBridge = (key: string, bridge: Link): Command[] => [
  ...(bridge.stp ? [setLinkCommand(key, bridge.name, 'type', 'bridge', ...NO_SPANNING_TREE)] : []),
  ...(bridge.linkLocal || bridge.addresses.length > 0 ? [ipCommand(key, 'address', 'flush', 'dev', bridge.name)] : []),
]

function planUplink({ key, bridge, uplink }: DesiredNetwork, links: Observed['links']): Command[] {
  const link = uplink === undefined ? undefined : links.get(uplink)
  if (link === undefined) return []
  return [
    ...(link.master === bridge ? [] : [setLinkCommand(key, link.name, 'master', bridge)]),
    ...(link.up ? [] : [setLinkCommand(key, link.name, 'up')]),
  ]
}

/**
 * Returns the ports of the agent's bridge that are neither a guest's tap nor the DHCP server's port nor the uplink,
 * such as a former uplink.
 */
function foreignBridgePorts({ key, bridge, uplink }: DesiredNetwork, links: Observed['links']): Link[] {
  return [...links.values()].filter(
    ({ name, master, kind }) =>
      master === bridge && name !== uplink && name !== dhcpPortName(key) && kind !== 'tun' && !name.startsWith('tap'),
  )
}

/**
 * Whether a tap is left over from a QEMU process that has ended. The agent deletes such a tap, because libvirt cannot
 * create a tap whose name exists.
 */
const isAbandonedTap = (link: Link): boolean => link.kind === 'tun' && link.persistent && !link.carrier

/**
 * Whether a running guest's tap is in no bridge, because the bridge was deleted and created again. A tap that is down
 * does not count, because libvirt is still creating it.
 */
const isDetachedTap = (link: Link): boolean =>
  link.kind === 'tun' && link.up && link.carrier && link.master === undefined

function planTaps({ key, bridge, ports }: DesiredNetwork, { links }: Observed): Command[] {
  const taps = ports.map((p) => links.get(p.tap)).filter((link) => link !== undefined)
  return [
    ...taps.filter(isAbandonedTap).map((link) => deleteLinkCommand(key, link.name)),
    ...taps.filter(isDetachedTap).map((link) => setLinkCommand(key, link.name, 'master', bridge)),
  ]
}

/** A bridge stays while it has taps of running guests. */
function planTeardown(key: string, observed: Observed, folder: string): Command[] {
  const { links } = observed
  const bridge = links.get(ownBridgeName(key))
  const taps = bridge ? [...links.values()].filter((l) => l.master === bridge.name && l.name.startsWith('tap')) : []
  const abandoned = taps.filter(isAbandonedTap)
  const isBridgeFree = abandoned.length === taps.length
  return [
    ...planDhcpTeardown(key, observed, folder),
    ...abandoned.map((link) => deleteLinkCommand(key, link.name)),
    ...(bridge?.kind === 'bridge' && isBridgeFree ? [deleteLinkCommand(key, bridge.name)] : []),
  ]
}
