/**
 * DHCP of one network on this host: a namespace, a veth pair into the bridge, dnsmasq. Guests meet dnsmasq in a namespace that
 * has nothing else. Pure.
 */
import { DHCP_DEVICE, dhcpPortName, namespaceName } from './names.ts'
import type { Command, DesiredDhcp, DesiredNetwork, DhcpTexts, Link, Observed, ObservedDhcp } from './types.ts'

export function planDhcp(network: DesiredNetwork, observed: Observed, folder: string): Command[] {
  const { key, dhcp } = network
  if (dhcp === undefined) return dropDhcp(key, observed, folder)
  const pair = pairOf(key, observed)
  const moved = pair === undefined || !sameAddresses(pair.inner, dhcp) || pair.inner.mac !== dhcp.mac
  const running = observed.dhcp.get(key) ?? { pids: [] }
  const service = moved ? 'start' : nextOfService(running, dhcp.texts)
  return [
    // dnsmasq knows the device that it was started with: it ends before the device changes, so that a crash between finds none.
    ...(moved || service === 'start' ? running.pids.map((pid): Command => ({ key, do: 'stop', pid })) : []),
    ...(pair === undefined ? makePair(network, observed, dhcp) : mendPair(network, pair, dhcp)),
    ...serve(network, service, dhcp.texts, running, folder),
  ]
}

interface Pair {
  readonly outer: Link
  readonly inner: Link
}

function pairOf(key: string, { links, namespaces }: Observed): Pair | undefined {
  const outer = links.get(dhcpPortName(key))
  const namespace = namespaces.get(key)
  const inner = typeof namespace === 'object' ? namespace.device : undefined
  return outer && inner && inner.peer === outer.index ? { outer, inner } : undefined
}

const sameAddresses = (inner: Link, dhcp: DesiredDhcp): boolean =>
  [...inner.addresses].sort().join() === [...dhcp.addresses].sort().join()

const exec = (key: string, ...argv: [string, ...string[]]): Command => ({ key, do: 'exec', argv })

/** The pair's last settings come last, so that what a crash left is either complete or visibly not so. */
function makePair(network: DesiredNetwork, { links, namespaces }: Observed, dhcp: DesiredDhcp): Command[] {
  const { key, mtu } = network
  const [namespace, outer] = [namespaceName(key), dhcpPortName(key)]
  const found = namespaces.get(key)
  const fresh = found === undefined || found === 'broken'
  const size = ['mtu', String(mtu)]
  const peer = ['peer', 'name', DHCP_DEVICE, 'address', dhcp.mac]
  return [
    ...(links.has(outer) ? [deleteLink(key, outer)] : []),
    ...(found === 'broken' ? [exec(key, 'ip', 'netns', 'delete', namespace)] : []),
    ...(fresh ? [exec(key, 'ip', 'netns', 'add', namespace)] : []),
    ...(typeof found === 'object' && found.device
      ? [exec(key, 'ip', '-n', namespace, 'link', 'delete', 'dev', DHCP_DEVICE)]
      : []),
    // A new namespace inherits IPv4 settings of the host, which may route. tee, because there is no shell to redirect.
    {
      key,
      do: 'exec',
      argv: ['nsenter', `--net=/run/netns/${namespace}`, 'tee', '/proc/sys/net/ipv4/ip_forward'],
      input: '0',
    },
    exec(key, 'ip', 'link', 'add', 'name', outer, ...size, 'type', 'veth', ...peer, ...size, 'netns', namespace),
    exec(key, 'ip', 'link', 'set', 'dev', outer, 'addrgenmode', 'none'),
    exec(key, 'ip', 'link', 'set', 'dev', outer, 'master', network.bridge, 'up'),
    ...dhcp.addresses.map((address) => addAddress(key, address)),
    exec(key, 'ip', '-n', namespace, 'link', 'set', 'dev', DHCP_DEVICE, 'up'),
  ]
}

/** A pair also goes with the namespace of either end, which the kernel takes down in its own time. */
export const deleteLink = (key: string, device: string): Command => ({
  key,
  do: 'exec',
  argv: ['ip', 'link', 'delete', 'dev', device],
  already: 'Cannot find device',
})

const inside = (key: string, ...args: string[]): Command => exec(key, 'ip', '-n', namespaceName(key), ...args)

/** nodad: every host of the segment has this address, and their frames never meet. */
const addAddress = (key: string, address: string): Command =>
  inside(key, 'addr', 'add', address, 'dev', DHCP_DEVICE, ...(address.includes(':') ? ['nodad'] : []))

function mendPair(network: DesiredNetwork, { outer, inner }: Pair, dhcp: DesiredDhcp): Command[] {
  const { key, mtu, bridge } = network
  const set = (...args: string[]) => exec(key, 'ip', 'link', 'set', 'dev', outer.name, ...args)
  const setInner = (...args: string[]) => inside(key, 'link', 'set', 'dev', DHCP_DEVICE, ...args)
  return [
    ...(outer.up ? [] : [set('addrgenmode', 'none')]),
    ...(outer.mtu === mtu ? [] : [set('mtu', String(mtu))]),
    ...(outer.master === bridge && outer.up ? [] : [set('master', bridge, 'up')]),
    ...(inner.mac === dhcp.mac ? [] : [setInner('address', dhcp.mac)]),
    ...(inner.mtu === mtu ? [] : [setInner('mtu', String(mtu))]),
    ...inner.addresses
      .filter((a) => !dhcp.addresses.includes(a))
      .map((a) => inside(key, 'addr', 'delete', a, 'dev', DHCP_DEVICE)),
    ...dhcp.addresses.filter((a) => !inner.addresses.includes(a)).map((a) => addAddress(key, a)),
    ...(inner.up ? [] : [setInner('up')]),
  ]
}

type Service = 'none' | 'reload' | 'start'

/**
 * Lines that only came are read on SIGHUP. One that went or changed needs a new process: leases live in its memory, and the old
 * holder's would keep the address from the new one. The others do not notice: they hold infinite leases.
 */
function nextOfService({ pids, applied }: ObservedDhcp, texts: DhcpTexts): Service {
  if (pids.length !== 1 || applied === undefined || applied.conf !== texts.conf) return 'start'
  if (applied.hosts === texts.hosts && applied.opts === texts.opts) return 'none'
  const kept = new Set(texts.hosts.split('\n'))
  return applied.hosts.split('\n').every((line) => kept.has(line)) ? 'reload' : 'start'
}

/** `applied` is written last: after a crash before it, the process is told once more. */
function serve(
  { key }: DesiredNetwork,
  service: Service,
  texts: DhcpTexts,
  running: ObservedDhcp,
  folder: string,
): Command[] {
  if (service === 'none') return []
  const dnsmasq = [
    'nsenter',
    `--net=/run/netns/${namespaceName(key)}`,
    'dnsmasq',
    `--conf-file=${folder}/conf`,
  ] as const
  return [
    { key, do: 'write', path: `${folder}/conf`, text: texts.conf },
    { key, do: 'write', path: `${folder}/hosts`, text: texts.hosts },
    { key, do: 'write', path: `${folder}/opts`, text: texts.opts },
    ...(service === 'reload'
      ? running.pids.map((pid): Command => ({ key, do: 'reload', pid }))
      : [exec(key, ...dnsmasq)]),
    { key, do: 'write', path: `${folder}/applied`, text: JSON.stringify(texts) },
  ]
}

/** Everything of it, whatever of it is there. */
export function dropDhcp(key: string, { links, namespaces, dhcp }: Observed, folder: string): Command[] {
  const outer = dhcpPortName(key)
  return [
    ...(dhcp.get(key)?.pids ?? []).map((pid): Command => ({ key, do: 'stop', pid })),
    ...(links.has(outer) ? [deleteLink(key, outer)] : []),
    ...(namespaces.has(key) ? [exec(key, 'ip', 'netns', 'delete', namespaceName(key))] : []),
    ...(dhcp.has(key) ? [{ key, do: 'remove' as const, path: folder }] : []),
  ]
}
