/**
 * dnsmasq's three files for one network on this host:
 *   conf   how it runs; a change needs a restart
 *   hosts  one line per port of this host: only these are answered
 *   opts   the options told; hosts and opts are read again on SIGHUP
 * No lease is kept on disk and none runs out: an address belongs to its MAC by the hosts file alone (docs/adr/0011).
 * Host lines set no tags: dnsmasq 2.86 to 2.90, having served such a line, crashes when it reads the file again (imp/dnsmasq#20).
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { FixedIP } from '../../crds/kinds/server-status.ts'
import { netmask, networkAddress } from './addresses.ts'
import { DHCP_DEVICE } from './names.ts'
import type { DesiredPort, DhcpTexts } from './types.ts'

interface Wanted {
  readonly ports: readonly DesiredPort[]
  readonly mtu: number
  readonly domain?: string
  readonly folder: string
}

/** Where ports differ in an option (their network was edited between them), the last one's holds. */
export function dhcpTexts(wanted: Wanted): DhcpTexts {
  const served = wanted.ports
    .map((port) => ({ port, ips: port.fixedIPs.filter((ip) => ip.dhcp && ip.dhcpAddress !== undefined) }))
    .filter(({ ips }) => ips.length > 0)
  const ips = served.flatMap((s) => s.ips)
  return {
    conf: lines(confLines(ips, wanted)),
    hosts: lines(served.map((s) => hostLine(s.port, s.ips)).sort()),
    opts: lines(optionLines(ips, wanted)),
  }
}

const lines = (list: readonly string[]): string => list.map((line) => `${line}\n`).join('')

/**
 * `id:*`: a guest is its MAC; its client id changes between firmware, initramfs and system. One address a family, as a
 * dhcp-host line has it.
 */
function hostLine(port: DesiredPort, ips: readonly FixedIP[]): string {
  const v4 = ips.find((ip) => isIPv4(ip.address))
  const v6 = ips.find((ip) => isIPv6(ip.address))
  const parts = [port.mac, 'id:*', v4?.address, v6 && `[${v6.address}]`, hostLabel(port.hostname), 'infinite']
  return parts.filter((part) => part !== undefined).join(',')
}

/** The first label, where it is one that a host may have (RFC 1123); else none is told. */
function hostLabel(hostname: string | undefined): string | undefined {
  const label = hostname?.split('.')[0]
  return label !== undefined && /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label) ? label : undefined
}

/**
 * dhcp-ignore: other hosts of the segment answer for their own. authoritative: a renewal is answered though this process never
 * gave the lease (it was restarted, or the guest came by migration). port=0: no DNS.
 */
function confLines(served: readonly FixedIP[], { folder }: Wanted): string[] {
  const ranges = new Set(served.map(rangeLine))
  const v6 = served.some((ip) => isIPv6(ip.address))
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
    ...[...ranges].sort(),
    // Addresses come by DHCPv6; the advertisement says so and offers no router: routers advertise themselves.
    ...(v6 ? ['enable-ra', `ra-param=${DHCP_DEVICE},0,0`] : []),
  ]
}

function rangeLine({ address, prefixLength }: FixedIP): string {
  const first = networkAddress(address, prefixLength)
  return isIPv4(address)
    ? `dhcp-range=${first},static,${netmask(prefixLength)},infinite`
    : `dhcp-range=${first},static,${prefixLength},infinite`
}

function optionLines(ips: readonly FixedIP[], { mtu, domain }: Wanted): string[] {
  const v4 = ips.findLast((ip) => isIPv4(ip.address))
  const v6 = ips.findLast((ip) => isIPv6(ip.address))
  return [...(v4 ? optionsV4(v4, mtu, domain) : []), ...(v6 ? optionsV6(v6, domain) : [])]
}

/** An option without a value is not sent; left out, dnsmasq would name itself as router. */
function optionsV4({ gateway, dnsServers = [], hostRoutes = [] }: FixedIP, mtu: number, domain?: string): string[] {
  const resolvers = dnsServers.filter((a) => isIPv4(a))
  const routes = hostRoutes.map((r) => `${r.destination},${r.nextHop}`)
  // RFC 3442: who is told option 121 ignores the router option, so that it must say the default route too. 249 is Microsoft's.
  const all = [...routes, ...(gateway === undefined ? [] : [`0.0.0.0/0,${gateway}`])].join(',')
  return [
    `option:router${gateway === undefined ? '' : `,${gateway}`}`,
    `option:dns-server${resolvers.map((a) => `,${a}`).join('')}`,
    ...(routes.length === 0 ? [] : [`option:classless-static-route,${all}`, `249,${all}`]),
    `option:mtu,${mtu}`,
    ...(domain === undefined ? [] : [`option:domain-name,${domain}`]),
  ]
}

function optionsV6({ dnsServers = [] }: FixedIP, domain?: string): string[] {
  const resolvers = dnsServers.filter((a) => isIPv6(a))
  return [
    `option6:dns-server${resolvers.map((a) => `,[${a}]`).join('')}`,
    ...(domain === undefined ? [] : [`option6:domain-search,${domain}`]),
  ]
}
