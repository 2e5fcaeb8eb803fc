/**
 * From what is to what shall be, as commands in this order: take down what nobody needs, then the rules, then set up. So no
 * device of ours is ever connected without its rules. Pure.
 */
import { dhcpPortName, keyOf, ownBridgeName } from './names.ts'
import { deleteLink, dropDhcp, planDhcp } from './plan-dhcp.ts'
import { type Rules, sameRules } from './rules.ts'
import type { Command, DesiredNetwork, Link, Observed } from './types.ts'

export interface PlanOptions {
  /** Those of all networks. */
  readonly rules: Rules
  /** Networks to set up; the rules are always those of all, and what no network needs any more always goes. */
  readonly keys: ReadonlySet<string>
  /** Of these, those with an obstacle: left as they are. */
  readonly refused: ReadonlySet<string>
  readonly folder: (key: string) => string
}

export function plan(
  desired: ReadonlyMap<string, DesiredNetwork>,
  observed: Observed,
  { rules, keys, refused, folder }: PlanOptions,
): Command[] {
  const inForce = observed.rules !== undefined && sameRules(observed.rules, rules)
  const wanted = [...desired.values()].filter((n) => keys.has(n.key) && !refused.has(n.key))
  return [
    ...leftovers(desired, observed).flatMap((key) => takeDown(key, observed, folder(key))),
    ...(inForce ? [] : [{ do: 'rules' as const, from: observed.rules, to: rules }]),
    ...wanted.flatMap((network) => [
      ...planBridge(network, observed),
      ...tapsOf(network, observed),
      ...planDhcp(network, observed, folder(network.key)),
    ]),
  ]
}

/** Networks that no guest has any more and of which something of ours is still on this host. */
export function leftovers(
  desired: ReadonlyMap<string, DesiredNetwork>,
  { links, namespaces, dhcp }: Observed,
): string[] {
  const named = [...links.keys()].map(keyOf).filter((key) => key !== undefined)
  return [...new Set([...named, ...namespaces.keys(), ...dhcp.keys()])].filter((key) => !desired.has(key)).sort()
}

const ip = (key: string, ...args: string[]): Command => ({ key, do: 'exec', argv: ['ip', ...args] })
const set = (key: string, device: string, ...args: string[]) => ip(key, 'link', 'set', 'dev', device, ...args)

function planBridge(network: DesiredNetwork, { links }: Observed): Command[] {
  if (!network.ownBridge) return []
  const { key, bridge, mtu } = network
  const is = links.get(bridge)
  return [
    ...(is ? mendBridge(key, is) : [ip(key, 'link', 'add', 'name', bridge, 'type', 'bridge', ...NO_SPANNING_TREE)]),
    // Before it is up: the kernel would give it a link-local address, and it would answer guests.
    ...(is?.up && !is.linkLocal ? [] : [set(key, bridge, 'addrgenmode', 'none')]),
    ...(is?.mtu === mtu ? [] : [set(key, bridge, 'mtu', String(mtu))]),
    ...strangers(network, links).map((port) => set(key, port.name, 'nomaster')),
    ...planUplink(network, links),
    ...(is?.up ? [] : [set(key, bridge, 'up')]),
  ]
}

const mendBridge = (key: string, is: Link): Command[] => [
  ...(is.stp ? [set(key, is.name, 'type', 'bridge', ...NO_SPANNING_TREE)] : []),
  ...(is.linkLocal || is.addresses.length > 0 ? [ip(key, 'address', 'flush', 'dev', is.name)] : []),
]

const NO_SPANNING_TREE = ['stp_state', '0', 'forward_delay', '0']

function planUplink({ key, bridge, uplink }: DesiredNetwork, links: Observed['links']): Command[] {
  const is = uplink === undefined ? undefined : links.get(uplink)
  if (is === undefined) return []
  return [
    ...(is.master === bridge ? [] : [set(key, is.name, 'master', bridge)]),
    ...(is.up ? [] : [set(key, is.name, 'up')]),
  ]
}

/** Ports of our bridge that are neither guests' nor DHCP's nor the uplink: an uplink that the network had before. */
function strangers({ key, bridge, uplink }: DesiredNetwork, links: Observed['links']): Link[] {
  return [...links.values()].filter(
    ({ name, master, kind }) =>
      master === bridge && name !== uplink && name !== dhcpPortName(key) && kind !== 'tun' && !name.startsWith('tap'),
  )
}

/** A tap that outlived its QEMU keeps libvirt from making it anew. One that a process holds is left alone. */
const isDead = (link: Link): boolean => link.kind === 'tun' && link.persistent && !link.carrier

/** Up, which libvirt makes it only after it is in the bridge, and in none: its bridge was deleted, and made anew. */
const isAdrift = (link: Link): boolean => link.kind === 'tun' && link.up && link.carrier && link.master === undefined

function tapsOf({ key, bridge, ports }: DesiredNetwork, { links }: Observed): Command[] {
  const taps = ports.map((p) => links.get(p.tap)).filter((link) => link !== undefined)
  return [
    ...taps.filter(isDead).map((link) => deleteLink(key, link.name)),
    ...taps.filter(isAdrift).map((link) => set(key, link.name, 'master', bridge)),
  ]
}

/** Takes away all that carries the key. A bridge that running guests still hang on stays until they are gone. */
function takeDown(key: string, observed: Observed, folder: string): Command[] {
  const { links } = observed
  const bridge = links.get(ownBridgeName(key))
  const taps = bridge ? [...links.values()].filter((l) => l.master === bridge.name && l.name.startsWith('tap')) : []
  const dead = taps.filter(isDead)
  return [
    ...dropDhcp(key, observed, folder),
    ...dead.map((link) => deleteLink(key, link.name)),
    ...(bridge?.kind === 'bridge' && dead.length === taps.length ? [deleteLink(key, bridge.name)] : []),
  ]
}
