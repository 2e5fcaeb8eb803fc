/**
 * Computes the desired state of the host's network from the interfaces of its guests (VMs). The order of the result is
 * fixed. Pure.
 */
import { isIP } from 'node:net'
import { Terminal } from '../../crds/errors.ts'
import type { FixedIP, Interface } from '../../crds/kinds/server-status.ts'
import { renderDnsmasqConfig } from './dnsmasq-config.ts'
import { bridgeName, dhcpMac, networkKey, tapName } from './names.ts'
import { isInSubnetOf } from './on-link.ts'
import type { DesiredDhcp, DesiredNetwork, DesiredPort, HostedGuest } from './types.ts'

type FolderOf = (key: string) => string

/**
 * Returns the desired networks by network key (names.ts). Guests store copies of their networks' settings. If the
 * copies differ because a Network was edited, the copy of the guest plugged last counts.
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

/** The API server accepts a DHCP server's address outside the guests' subnet only in 169.254.0.0/16. */
const LINK_LOCAL_PREFIX = 16

function dhcpDeviceAddress(ip: FixedIP): string[] {
  if (ip.dhcpAddress === undefined) return []
  return [`${ip.dhcpAddress}/${isInSubnetOf(ip, ip.dhcpAddress) ? ip.prefixLength : LINK_LOCAL_PREFIX}`]
}

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i
const DEVICE = /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/
const ID = /^[A-Za-z0-9-]{1,64}$/

/**
 * The values become parts of command lines, nftables rules and dnsmasq's files.
 * @throws a Terminal error (not retried) with the code InvalidInterface for a malformed value
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

/** Zones such as in `fe80::1%eth0` are not allowed. */
const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%')

function isCidr(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/')
  const family = isIP(address)
  return rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128)
}

/** A multicast MAC has the lowest bit of its first byte set. No frame may have a multicast MAC as its sender. */
const isMulticastMac = (mac: string): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
