/** Builds network_data.json in the format of nova/virt/netutils.py. */
import { Address4, Address6 } from 'ip-address'
import type { FixedIP, Interface } from '../../crds/index.ts'
import { routersOnLink } from '../net/on-link.ts'

interface Route {
  network: string
  netmask: string
  gateway: string
}

interface Service {
  type: 'dns'
  address: string
}

interface NetworkEntry {
  id: string
  type: string
  link: string
  network_id: string
  ip_address?: string
  netmask?: string
  /**
   * Set only for a gateway outside the subnet. Nova's format has no such field, but cloud-init reads it (see
   * buildStaticEntry).
   */
  gateway?: string
  routes?: Route[]
  services?: Service[]
}

export interface NetworkData {
  links: { id: string; vif_id: string; type: string; mtu: number; ethernet_mac_address: string }[]
  networks: NetworkEntry[]
  services: Service[]
}

/** Nova cuts the name of a port's tap to NIC_NAME_LEN. */
function tapNameOf(portId: string): string {
  return `tap${portId}`.slice(0, 14)
}

/** Leaves out interfaces without addresses, as Nova does for networks without subnets. */
export function buildNetworkData(interfaces: readonly Interface[]): NetworkData {
  const data: NetworkData = { links: [], networks: [], services: [] }
  for (const nic of interfaces.filter(({ fixedIPs }) => fixedIPs.length > 0)) {
    const link = tapNameOf(nic.portId)
    data.links.push({
      id: link,
      vif_id: nic.portId,
      type: 'bridge',
      mtu: nic.mtu,
      ethernet_mac_address: nic.macAddress,
    })
    for (const ip of firstOfEachFamily(nic.fixedIPs)) {
      const id = `network${data.networks.length}`
      data.networks.push(buildNetworkEntry({ id, link, network_id: nic.networkId }, ip))
      const listed = new Set(data.services.map(({ address }) => address))
      data.services.push(...dnsServicesOf(ip).filter(({ address }) => !listed.has(address)))
    }
  }
  return data
}

const isIPv6 = ({ address }: FixedIP) => address.includes(':')

/** Nova's format has room for one address of each family. */
function firstOfEachFamily(ips: readonly FixedIP[]): FixedIP[] {
  return [ips.find((ip) => !isIPv6(ip)), ips.find(isIPv6)].filter((ip) => ip !== undefined)
}

function buildNetworkEntry(common: { id: string; link: string; network_id: string }, ip: FixedIP): NetworkEntry {
  const { id, link, network_id } = common
  const family = isIPv6(ip) ? 'ipv6' : 'ipv4'
  // DHCPv6 cannot name a router, and a router advertisement names only its sender. So an IPv6 address with a gateway is
  // described as static; cloud-init then ignores router advertisements.
  const isByDhcp = ip.dhcp && !(isIPv6(ip) && ip.gateway !== undefined)
  if (!isByDhcp) return buildStaticEntry(common, ip)
  const routes = isIPv6(ip) ? hostRoutesOf(ip) : []
  return { id, type: `${family}_dhcp`, link, network_id, ...(routes.length === 0 ? {} : { routes }) }
}

/**
 * As in Nova, a gateway inside the subnet gets a default route. A gateway outside is in the field `gateway`, because
 * cloud-init marks only that router as on-link. cloud-init before 23.1 marks none, so there is also a route to the
 * gateway itself.
 */
function buildStaticEntry({ id, link, network_id }: { id: string; link: string; network_id: string }, ip: FixedIP) {
  const isOnLink = ip.gateway !== undefined && routersOnLink(ip).includes(ip.gateway)
  return {
    id,
    type: isIPv6(ip) ? 'ipv6' : 'ipv4',
    link,
    ip_address: ip.address,
    netmask: netmaskOfCidr(`${ip.address}/${ip.prefixLength}`),
    ...(isOnLink ? { gateway: ip.gateway } : {}),
    routes: [...(isOnLink ? [] : defaultRouteOf(ip)), ...hostRoutesOf(ip)],
    network_id,
    services: dnsServicesOf(ip),
  }
}

function defaultRouteOf(ip: FixedIP): Route[] {
  if (ip.gateway === undefined) return []
  const any = anyAddress(ip)
  return [{ network: any, netmask: any, gateway: ip.gateway }]
}

/**
 * A route to a router outside the subnet has a gateway of zeros (0.0.0.0 or ::), which means that the router is on the
 * segment itself.
 */
function hostRoutesOf(ip: FixedIP): Route[] {
  const bits = isIPv6(ip) ? 128 : 32
  return [
    ...routersOnLink(ip).map((router) => toRoute(`${router}/${bits}`, anyAddress(ip))),
    ...(ip.hostRoutes ?? []).map((route) => toRoute(route.destination, route.nextHop)),
  ]
}

const anyAddress = (ip: FixedIP): string => (isIPv6(ip) ? '::' : '0.0.0.0')

function toRoute(destination: string, gateway: string): Route {
  const network = destination.includes(':')
    ? new Address6(destination).startAddress().correctForm()
    : new Address4(destination).startAddress().correctForm()
  return { network, netmask: netmaskOfCidr(destination), gateway }
}

/** 255.0.0.0 for 10.0.0.0/8, ffff:ffff:ffff:ffff:: for fd00::/64. */
function netmaskOfCidr(cidr: string): string {
  const [bits, prefix] = [cidr.includes(':') ? 128n : 32n, BigInt(cidr.split('/')[1] ?? 0)]
  const mask = ((1n << prefix) - 1n) << (bits - prefix)
  return bits === 128n ? Address6.fromBigInt(mask).correctForm() : Address4.fromBigInt(mask).correctForm()
}

function dnsServicesOf({ dnsServers }: FixedIP): Service[] {
  return (dnsServers ?? []).map((address) => ({ type: 'dns', address }))
}
