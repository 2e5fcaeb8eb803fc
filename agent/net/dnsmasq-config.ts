/**
 * Renders dnsmasq's three files for one network on this host. Pure.
 *   conf   how dnsmasq runs; a change needs a restart
 *   hosts  one line for each guest interface (Port) on this host; dnsmasq answers no other clients
 *   opts   the DHCP options; dnsmasq reads hosts and opts again on SIGHUP
 * dnsmasq keeps no lease on disk, and no lease expires: the hosts file alone decides which MAC has which address
 * (docs/adr/0011). The lines in hosts set no tags. dnsmasq 2.86 to 2.90 crashes when it has used a tag and then reads
 * the line with that tag again (imp/dnsmasq#20).
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { FixedIP } from '../../crds/kinds/server-status.ts'
import { netmaskOf, networkAddressOf } from './addresses.ts'
import { DHCP_DEVICE } from './names.ts'
import { isInSubnetOf, routersOnLink } from './on-link.ts'
import type { DesiredPort, DnsmasqConfig } from './types.ts'

interface DnsmasqInput {
  readonly ports: readonly DesiredPort[]
  readonly mtu: number
  readonly folder: string
}

/**
 * If ports have different DHCP options, because their Network was edited between their setups, all get the options of
 * the last port in `ports`.
 */
export function renderDnsmasqConfig(input: DnsmasqInput): DnsmasqConfig {
  const servedPorts = input.ports
    .map((port) => ({ port, ips: port.fixedIPs.filter((ip) => ip.dhcp && ip.dhcpAddress !== undefined) }))
    .filter(({ ips }) => ips.length > 0)
  const ips = servedPorts.flatMap((s) => s.ips)
  return {
    conf: joinLines(confLines(ips, input)),
    hosts: joinLines(servedPorts.map((s) => hostLine(s.port, s.ips)).sort()),
    opts: joinLines(optionLines(ips, input)),
  }
}

const joinLines = (list: readonly string[]): string => list.map((line) => `${line}\n`).join('')

/**
 * `id:*` makes dnsmasq ignore the DHCP client id, which differs between a guest's firmware, initramfs and system. A
 * line takes one address per family.
 */
function hostLine(port: DesiredPort, ips: readonly FixedIP[]): string {
  const v4 = ips.find((ip) => isIPv4(ip.address))
  const v6 = ips.find((ip) => isIPv6(ip.address))
  const fields = [port.mac, 'id:*', v4?.address, v6 && `[${v6.address}]`, hostLabel(port.hostname), 'infinite']
  return fields.filter((field) => field !== undefined).join(',')
}

/** Returns undefined if the first label is invalid (RFC 1123); DHCP then gives the guest no host name. */
function hostLabel(hostname: string | undefined): string | undefined {
  const label = hostname?.split('.')[0]
  if (label === undefined || !/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)) return undefined
  return isHostsKeyword(label) ? `${label}.` : label
}

/**
 * Whether dnsmasq would misread this host name in the hosts file as a keyword or a lease time. A dot at the end
 * prevents that; dnsmasq drops it.
 */
const isHostsKeyword = (label: string): boolean => /^(ignore|infinite|\d+[wdhms]?)$/i.test(label)

/**
 * `dhcp-ignore`: guests of other hosts on the segment are answered by their own host's dnsmasq. `dhcp-authoritative`:
 * also renew leases from before dnsmasq's restart or the guest's migration. `port=0`: no DNS server.
 */
function confLines(ips: readonly FixedIP[], { folder }: DnsmasqInput): string[] {
  const ranges = new Set(ips.map(rangeLine))
  const sharedNetworks = new Set(ips.flatMap(sharedNetworkLine))
  const hasIPv6 = ips.some((ip) => isIPv6(ip.address))
  return [
    'port=0',
    `interface=${DHCP_DEVICE}`,
    'bind-interfaces',
    'no-hosts',
    'no-resolv',
    'no-ping',
    'quiet-dhcp',
    'quiet-dhcp6',
    'quiet-ra',
    'leasefile-ro',
    'dhcp-authoritative',
    'dhcp-ignore=tag:!known',
    'dhcp-lease-max=65536',
    `dhcp-hostsfile=${folder}/hosts`,
    `dhcp-optsfile=${folder}/opts`,
    `pid-file=${folder}/pid`,
    ...[...sharedNetworks].sort(),
    ...[...ranges].sort(),
    // The router advertisement only tells guests to use DHCPv6; the lifetime 0 means that this host is no router.
    // Guests learn the gateway from network_data.json or from a router's own advertisements.
    ...(hasIPv6 ? ['enable-ra', `ra-param=${DHCP_DEVICE},0,0`] : []),
  ]
}

function rangeLine({ address, prefixLength }: FixedIP): string {
  const first = networkAddressOf(address, prefixLength)
  return isIPv4(address)
    ? `dhcp-range=${first},static,${netmaskOf(prefixLength)},infinite`
    : `dhcp-range=${first},static,${prefixLength},infinite`
}

/**
 * In a small subnet no address is left for the DHCP server, so the server's address is outside the subnet. dnsmasq
 * serves only the subnets of its device's addresses, unless a line `shared-network` names another subnet.
 */
function sharedNetworkLine(ip: FixedIP): string[] {
  if (ip.dhcpAddress === undefined || isInSubnetOf(ip, ip.dhcpAddress)) return []
  return [`shared-network=${DHCP_DEVICE},${networkAddressOf(ip.address, ip.prefixLength)}`]
}

function optionLines(ips: readonly FixedIP[], { mtu }: DnsmasqInput): string[] {
  const v4 = ips.findLast((ip) => isIPv4(ip.address))
  const v6 = ips.findLast((ip) => isIPv6(ip.address))
  return [...(v4 ? ipv4Options(v4, mtu) : []), ...(v6 ? ipv6Options(v6) : [])]
}

/**
 * dnsmasq does not send an option whose line has no value, so the line `option:router` is written even without a
 * gateway. If the line were missing, dnsmasq would offer itself as the router.
 */
function ipv4Options(ip: FixedIP, mtu: number): string[] {
  const { gateway, dnsServers = [], hostRoutes = [] } = ip
  const resolvers = dnsServers.filter((a) => isIPv4(a))
  // A route with the router 0.0.0.0 leads to the segment itself (RFC 3442). Clients need the route to a router before
  // the routes that use the router.
  const routes = [
    ...routersOnLink(ip).map((router) => `${router}/32,0.0.0.0`),
    ...hostRoutes.map((r) => `${r.destination},${r.nextHop}`),
  ]
  // A client that gets option 121 ignores the router option (RFC 3442), so 121 must include the default route. Option
  // 249 is Microsoft's number for option 121.
  const routesAndDefault = [...routes, ...(gateway === undefined ? [] : [`0.0.0.0/0,${gateway}`])].join(',')
  return [
    `option:router${gateway === undefined ? '' : `,${gateway}`}`,
    `option:dns-server${resolvers.map((a) => `,${a}`).join('')}`,
    ...(routes.length === 0 ? [] : [`option:classless-static-route,${routesAndDefault}`, `249,${routesAndDefault}`]),
    `option:mtu,${mtu}`,
  ]
}

function ipv6Options({ dnsServers = [] }: FixedIP): string[] {
  const resolvers = dnsServers.filter((a) => isIPv6(a))
  return [`option6:dns-server${resolvers.map((a) => `,[${a}]`).join('')}`]
}
