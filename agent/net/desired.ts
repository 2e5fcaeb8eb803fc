/**
 * Computes the desired state of the host's network from the interfaces of the host's guests (VMs). The result is
 * grouped by network and in a fixed order. Pure.
 */
import { isIP } from 'node:net'
import { Terminal } from '../../crds/errors.ts'
import type { FixedIP, Interface } from '../../crds/kinds/server-status.ts'
import { renderDnsmasqConfig } from './dnsmasq-config.ts'
import { bridgeName, dhcpMac, networkKey, tapName } from './names.ts'
import { isInSubnetOf } from './on-link.ts'
import type { DesiredDhcp, DesiredNetwork, DesiredPort, HostedGuest } from './types.ts'

/** Returns the path of the folder with a network's dnsmasq files. */
type FolderOf = (key: string) => string

/**
 * Returns the desired networks by network key (names.ts). Each guest has its own copy of the settings of its networks,
 * made when HostNetwork.plug last set up its interfaces. If a Network was edited between the setup of two guests, their
 * copies differ. The network then gets the settings of the guest that was plugged last.
 */
export function buildDesiredNetworks(
  guests: readonly HostedGuest[],
  folder: FolderOf,
): ReadonlyMap<string, DesiredNetwork> {
  const byKey = new Map<string, { last: Interface; ports: DesiredPort[] }>()
  for (const guest of guests) {
    for (const nic of guest.interfaces) {
      const key = networkKey(nic.networkId)
      const ports = [...(byKey.get(key)?.ports ?? []), toDesiredPort(nic, guest.hostname)]
      byKey.set(key, { last: nic, ports })
    }
  }
  const networks = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map(networks.map(([key, { last, ports }]) => [key, toDesiredNetwork(key, last, ports, folder(key))]))
}

function toDesiredPort(nic: Interface, hostname: string | undefined): DesiredPort {
  return {
    tap: tapName(nic.portId),
    mac: nic.macAddress.toLowerCase(),
    portSecurity: nic.portSecurity,
    fixedIPs: nic.fixedIPs,
    ...(hostname === undefined ? {} : { hostname }),
  }
}

function toDesiredNetwork(key: string, last: Interface, unsorted: DesiredPort[], folder: string): DesiredNetwork {
  const ports = unsorted.toSorted((a, b) => (a.tap < b.tap ? -1 : 1))
  const dhcp = toDesiredDhcp(last, unsorted, folder)
  return {
    key,
    name: `${last.networkNamespace}/${last.network}`,
    bridge: last.bridge ?? bridgeName(last.networkId),
    ownBridge: last.bridge === undefined,
    ...(last.uplink === undefined ? {} : { uplink: last.uplink }),
    mtu: last.mtu,
    ports,
    ...(dhcp === undefined ? {} : { dhcp }),
  }
}

function toDesiredDhcp(
  { networkId, mtu }: Interface,
  ports: readonly DesiredPort[],
  folder: string,
): DesiredDhcp | undefined {
  const dhcpAddresses = ports.flatMap((p) => p.fixedIPs.filter((ip) => ip.dhcp && ip.dhcpAddress !== undefined))
  if (dhcpAddresses.length === 0) return undefined
  const addresses = [4, 6].flatMap((family) => {
    const ip = dhcpAddresses.findLast(({ address }) => isIP(address) === family)
    return ip ? dhcpDeviceAddress(ip) : []
  })
  return { mac: dhcpMac(networkId), addresses, config: renderDnsmasqConfig({ ports, mtu, folder }) }
}

/**
 * Prefix length for a DHCP server's address outside the guests' subnet. The API server accepts such an address only in
 * 169.254.0.0/16.
 */
const LINK_LOCAL_PREFIX = 16

function dhcpDeviceAddress(ip: FixedIP): string[] {
  if (ip.dhcpAddress === undefined) return []
  return [`${ip.dhcpAddress}/${isInSubnetOf(ip, ip.dhcpAddress) ? ip.prefixLength : LINK_LOCAL_PREFIX}`]
}

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i
const DEVICE = /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/
const ID = /^[A-Za-z0-9-]{1,64}$/

/**
 * Rejects an interface with a malformed value, because its values become parts of command lines, nftables rules and
 * dnsmasq's files.
 * @throws a Terminal error (not retried) with the code InvalidInterface
 */
export function validateInterface(nic: Interface): void {
  const invalid = [...invalidFieldsOf(nic)]
  if (invalid.length > 0)
    throw new Terminal('InvalidInterface', `Port ${nic.port} has invalid values: ${invalid.join(', ')}`)
}

function* invalidFieldsOf(nic: Interface): Generator<string> {
  if (!ID.test(nic.portId)) yield `portId ${nic.portId}`
  if (!ID.test(nic.networkId)) yield `networkId ${nic.networkId}`
  if (!MAC.test(nic.macAddress) || isMulticastMac(nic.macAddress)) yield `macAddress ${nic.macAddress}`
  for (const device of [nic.bridge, nic.uplink])
    if (device !== undefined && !DEVICE.test(device)) yield `device ${device}`
  for (const ip of nic.fixedIPs) yield* invalidFixedIPFields(ip)
}

function* invalidFixedIPFields(ip: FixedIP): Generator<string> {
  const { address, gateway, dhcpAddress, hostRoutes = [], dnsServers = [], prefixLength } = ip
  const family = isIP(address)
  const optional = [gateway, dhcpAddress].filter((a) => a !== undefined)
  for (const a of [address, ...optional, ...hostRoutes.map((r) => r.nextHop)])
    if (!isAddress(a) || isIP(a) !== family) yield `address ${a}`
  for (const a of dnsServers) if (!isAddress(a)) yield `dnsServer ${a}`
  for (const { destination } of hostRoutes) if (!isCidr(destination)) yield `destination ${destination}`
  if (!isCidr(`${address}/${prefixLength}`)) yield `prefixLength ${prefixLength}`
}

/** Whether the text is an IP address without a zone. (`fe80::1%eth0` has a zone.) */
const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%')

function isCidr(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/')
  const family = isIP(address)
  return rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128)
}

/**
 * Whether the MAC is a group address, which must not be the sender of a frame. In a group address the lowest bit of the
 * first byte is set.
 */
const isMulticastMac = (mac: string): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
