/**
 * Plans the DHCP server of one network on this host: a network namespace, a veth pair between it and the bridge, and
 * dnsmasq in the namespace. Guests can reach only dnsmasq there. Pure.
 */
import { DHCP_DEVICE, dhcpPortName, namespaceName } from './names.ts'
import type { Command, DesiredDhcp, DesiredNetwork, DnsmasqConfig, Link, Observed, ObservedDhcp } from './types.ts'

export function planDhcp(network: DesiredNetwork, observed: Observed, folder: string): Command[] {
  const { key, dhcp } = network
  if (dhcp === undefined) return planDhcpTeardown(key, observed, folder)
  const pair = vethPairOf(key, observed)
  const running = observed.dhcp.get(key) ?? { pids: [] }
  const deviceChanges = pair === undefined || !hasSameAddresses(pair.inner, dhcp) || pair.inner.mac !== dhcp.mac
  const action = deviceChanges ? 'start' : nextDnsmasqAction(running, dhcp.config)
  return [
    // dnsmasq keeps using the device that it started with. Stop it before the device changes: if the agent crashes in
    // between, its next run starts a new dnsmasq.
    ...(action === 'start' ? running.pids.map((pid): Command => ({ key, do: 'stop', pid })) : []),
    ...(pair === undefined ? createPair(network, observed, dhcp) : repairPair(network, pair, dhcp)),
    ...planDnsmasq(network, action, { config: dhcp.config, running, folder }),
  ]
}

/** `outer` is in the bridge, `inner` in the namespace. */
interface VethPair {
  readonly outer: Link
  readonly inner: Link
}

function vethPairOf(key: string, { links, namespaces }: Observed): VethPair | undefined {
  const outer = links.get(dhcpPortName(key))
  const namespace = namespaces.get(key)
  const inner = typeof namespace === 'object' ? namespace.device : undefined
  return outer && inner && inner.peer === outer.index ? { outer, inner } : undefined
}

const hasSameAddresses = (inner: Link, dhcp: DesiredDhcp): boolean =>
  [...inner.addresses].sort().join() === [...dhcp.addresses].sort().join()

const execCommand = (key: string, ...argv: [string, ...string[]]): Command => ({ key, do: 'exec', argv })

const commandInNamespace = (key: string, ...args: string[]): Command =>
  execCommand(key, 'ip', '-n', namespaceName(key), ...args)

/** The inner end goes up last. If the agent crashes before that, the next plan repairs the pair. */
function createPair(network: DesiredNetwork, observed: Observed, dhcp: DesiredDhcp): Command[] {
  const { key, mtu, bridge } = network
  const [namespace, outer] = [namespaceName(key), dhcpPortName(key)]
  const size = ['mtu', String(mtu)]
  const peer = ['peer', 'name', DHCP_DEVICE, 'address', dhcp.mac]
  return [
    ...createNamespace(key, observed),
    execCommand(key, 'ip', 'link', 'add', 'name', outer, ...size, 'type', 'veth', ...peer, ...size, 'netns', namespace),
    execCommand(key, 'ip', 'link', 'set', 'dev', outer, 'addrgenmode', 'none'),
    execCommand(key, 'ip', 'link', 'set', 'dev', outer, 'master', bridge, 'up'),
    ...dhcp.addresses.map((address) => addAddressCommand(key, address)),
    commandInNamespace(key, 'link', 'set', 'dev', DHCP_DEVICE, 'up'),
  ]
}

/** The nftables rules of a DHCP server's namespace. They can be applied again. */
const NO_FORWARDING = `table inet kubenova {
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
}
`

/**
 * Plans the commands that create the namespace, or empty it if it exists. First deletes what a crash left: an
 * incomplete veth pair, or a name without a namespace.
 */
function createNamespace(key: string, { links, namespaces }: Observed): Command[] {
  const [namespace, outer] = [namespaceName(key), dhcpPortName(key)]
  const found = namespaces.get(key)
  const isMissing = found === undefined || found === 'broken'
  return [
    ...(links.has(outer) ? [deleteLinkCommand(key, outer)] : []),
    ...(found === 'broken' ? [execCommand(key, 'ip', 'netns', 'delete', namespace)] : []),
    ...(isMissing ? [execCommand(key, 'ip', 'netns', 'add', namespace)] : []),
    ...(typeof found === 'object' && found.device
      ? [commandInNamespace(key, 'link', 'delete', 'dev', DHCP_DEVICE)]
      : []),
    // A new namespace inherits the host's IPv4 settings, so it might forward packets. A rule forbids that, because the
    // sysctl is read-only in a Pod.
    { key, do: 'exec', argv: ['nsenter', `--net=/run/netns/${namespace}`, 'nft', '-f', '-'], input: NO_FORWARDING },
  ]
}

/** Succeeds if the device is gone already: the kernel deletes the veth pairs of a namespace some time after its end. */
export const deleteLinkCommand = (key: string, device: string): Command => ({
  key,
  do: 'exec',
  argv: ['ip', 'link', 'delete', 'dev', device],
  ignoredError: 'Cannot find device',
})

/**
 * The DHCP servers of all hosts on the segment have the same address, so duplicate address detection must be off
 * (`nodad`). The nftables rules keep their frames apart.
 */
const addAddressCommand = (key: string, address: string): Command =>
  commandInNamespace(key, 'addr', 'add', address, 'dev', DHCP_DEVICE, ...(address.includes(':') ? ['nodad'] : []))

function repairPair(network: DesiredNetwork, { outer, inner }: VethPair, dhcp: DesiredDhcp): Command[] {
  const { key, mtu, bridge } = network
  const setOuter = (...args: string[]) => execCommand(key, 'ip', 'link', 'set', 'dev', outer.name, ...args)
  const setInner = (...args: string[]) => commandInNamespace(key, 'link', 'set', 'dev', DHCP_DEVICE, ...args)
  return [
    ...(outer.up ? [] : [setOuter('addrgenmode', 'none')]),
    ...(outer.mtu === mtu ? [] : [setOuter('mtu', String(mtu))]),
    ...(outer.master === bridge && outer.up ? [] : [setOuter('master', bridge, 'up')]),
    ...(inner.mac === dhcp.mac ? [] : [setInner('address', dhcp.mac)]),
    ...(inner.mtu === mtu ? [] : [setInner('mtu', String(mtu))]),
    ...inner.addresses
      .filter((a) => !dhcp.addresses.includes(a))
      .map((a) => commandInNamespace(key, 'addr', 'delete', a, 'dev', DHCP_DEVICE)),
    ...dhcp.addresses.filter((a) => !inner.addresses.includes(a)).map((a) => addAddressCommand(key, a)),
    ...(inner.up ? [] : [setInner('up')]),
  ]
}

type DnsmasqAction = 'none' | 'reload' | 'start'

/**
 * For added lines in the hosts file, SIGHUP is enough. For a removed or changed line, dnsmasq must restart, or it would
 * keep the old lease. Guests do not notice: their leases are infinite.
 */
function nextDnsmasqAction({ pids, applied }: ObservedDhcp, config: DnsmasqConfig): DnsmasqAction {
  if (pids.length !== 1 || applied === undefined || applied.conf !== config.conf) return 'start'
  if (applied.hosts === config.hosts && applied.opts === config.opts) return 'none'
  const lines = new Set(config.hosts.split('\n'))
  return applied.hosts.split('\n').every((line) => lines.has(line)) ? 'reload' : 'start'
}

interface DnsmasqState {
  readonly config: DnsmasqConfig
  readonly running: ObservedDhcp
  readonly folder: string
}

/**
 * The file `applied` is written last: if the agent crashes before that, its next run reloads or starts dnsmasq again.
 */
function planDnsmasq(
  { key }: DesiredNetwork,
  action: DnsmasqAction,
  { config, running, folder }: DnsmasqState,
): Command[] {
  if (action === 'none') return []
  const dnsmasq = [
    'nsenter',
    `--net=/run/netns/${namespaceName(key)}`,
    'dnsmasq',
    `--conf-file=${folder}/conf`,
  ] as const
  return [
    { key, do: 'write', path: `${folder}/conf`, text: config.conf },
    { key, do: 'write', path: `${folder}/hosts`, text: config.hosts },
    { key, do: 'write', path: `${folder}/opts`, text: config.opts },
    ...(action === 'reload'
      ? running.pids.map((pid): Command => ({ key, do: 'reload', pid }))
      : [execCommand(key, ...dnsmasq)]),
    { key, do: 'write', path: `${folder}/applied`, text: JSON.stringify(config) },
  ]
}

export function planDhcpTeardown(key: string, { links, namespaces, dhcp }: Observed, folder: string): Command[] {
  const outer = dhcpPortName(key)
  return [
    ...(dhcp.get(key)?.pids ?? []).map((pid): Command => ({ key, do: 'stop', pid })),
    ...(links.has(outer) ? [deleteLinkCommand(key, outer)] : []),
    ...(namespaces.has(key) ? [execCommand(key, 'ip', 'netns', 'delete', namespaceName(key))] : []),
    ...(dhcp.has(key) ? [{ key, do: 'remove' as const, path: folder }] : []),
  ]
}
