/** What the guests of this host want of its network: their interfaces gathered by network, checked, and in a fixed order. */
import { isIP } from 'node:net'
import { Terminal } from '../../crds/errors.ts'
import type { FixedIP, Interface } from '../../crds/kinds/server-status.ts'
import { dhcpTexts } from './dhcp-texts.ts'
import { bridgeName, dhcpMac, networkKey, tapName } from './names.ts'
import type { DesiredDhcp, DesiredNetwork, DesiredPort, HostedGuest } from './types.ts'

export interface DhcpSettings {
  /** Folder of a network's DHCP files. */
  readonly folder: (key: string) => string
  /** Domain told to guests. */
  readonly domain?: string
}

/** By key. Where copies of one network differ (it was edited), the later guest's holds for what the network has only once. */
export function desiredNetworks(
  guests: readonly HostedGuest[],
  settings: DhcpSettings,
): ReadonlyMap<string, DesiredNetwork> {
  const byKey = new Map<string, { last: Interface; ports: DesiredPort[] }>()
  for (const guest of guests) {
    for (const nic of guest.interfaces) {
      const key = networkKey(nic.networkId)
      const ports = [...(byKey.get(key)?.ports ?? []), toPort(nic, guest.hostname)]
      byKey.set(key, { last: nic, ports })
    }
  }
  const networks = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map(networks.map(([key, { last, ports }]) => [key, toNetwork(key, last, ports, settings)]))
}

function toPort(nic: Interface, hostname: string | undefined): DesiredPort {
  return {
    tap: tapName(nic.portId),
    mac: nic.macAddress.toLowerCase(),
    portSecurity: nic.portSecurity,
    fixedIPs: nic.fixedIPs,
    ...(hostname === undefined ? {} : { hostname }),
  }
}

function toNetwork(key: string, last: Interface, unsorted: DesiredPort[], settings: DhcpSettings): DesiredNetwork {
  const ports = unsorted.toSorted((a, b) => (a.tap < b.tap ? -1 : 1))
  const dhcp = toDhcp(key, last, unsorted, settings)
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

function toDhcp(
  key: string,
  { networkId, mtu }: Interface,
  ports: readonly DesiredPort[],
  { folder, domain }: DhcpSettings,
): DesiredDhcp | undefined {
  const served = ports.flatMap((p) => p.fixedIPs.filter((ip) => ip.dhcp && ip.dhcpAddress !== undefined))
  if (served.length === 0) return undefined
  const addresses = [4, 6].flatMap((family) => {
    const ip = served.findLast(({ address }) => isIP(address) === family)
    return ip ? [`${ip.dhcpAddress}/${ip.prefixLength}`] : []
  })
  const wanted = { ports, mtu, folder: folder(key), ...(domain === undefined ? {} : { domain }) }
  return { mac: dhcpMac(networkId), addresses, texts: dhcpTexts(wanted) }
}

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i
const DEVICE = /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/
const ID = /^[A-Za-z0-9-]{1,64}$/

/**
 * These values go into command lines, rules and dnsmasq's files: nothing but what they claim to be may pass.
 * @throws Terminal InvalidInterface
 */
export function checkInterface(nic: Interface): void {
  const wrong = [...wrongFields(nic)]
  if (wrong.length > 0) throw new Terminal('InvalidInterface', `Port ${nic.port}: not valid: ${wrong.join(', ')}`)
}

function* wrongFields(nic: Interface): Generator<string> {
  if (!ID.test(nic.portId)) yield `portId ${nic.portId}`
  if (!ID.test(nic.networkId)) yield `networkId ${nic.networkId}`
  if (!MAC.test(nic.macAddress) || isMulticast(nic.macAddress)) yield `macAddress ${nic.macAddress}`
  for (const device of [nic.bridge, nic.uplink])
    if (device !== undefined && !DEVICE.test(device)) yield `device ${device}`
  for (const ip of nic.fixedIPs) yield* wrongInFixedIP(ip)
}

function* wrongInFixedIP(ip: FixedIP): Generator<string> {
  const { address, gateway, dhcpAddress, hostRoutes = [], dnsServers = [], prefixLength } = ip
  const family = isIP(address)
  const optional = [gateway, dhcpAddress].filter((a) => a !== undefined)
  for (const a of [address, ...optional, ...hostRoutes.map((r) => r.nextHop)])
    if (!isAddress(a) || isIP(a) !== family) yield `address ${a}`
  for (const a of dnsServers) if (!isAddress(a)) yield `dnsServer ${a}`
  for (const { destination } of hostRoutes) if (!isCidr(destination)) yield `destination ${destination}`
  if (!isCidr(`${address}/${prefixLength}`)) yield `prefixLength ${prefixLength}`
}

/** Without a zone: `fe80::1%eth0` is none here. */
const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%')

function isCidr(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/')
  const family = isIP(address)
  return rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128)
}

/** The lowest bit of the first byte marks a group address, which no sender may have. */
const isMulticast = (mac: string): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
