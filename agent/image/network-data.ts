/** network_data.json: links, networks and services in the format of nova/virt/netutils.py. Pure. */
import { Address4, Address6 } from 'ip-address'
import type { FixedIP, Interface } from '../../crds/index.ts'

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
  routes?: Route[]
  services?: Service[]
}

export interface NetworkData {
  links: { id: string; vif_id: string; type: string; mtu: number; ethernet_mac_address: string }[]
  networks: NetworkEntry[]
  services: Service[]
}

/** Nova's name of a port's device: NIC_NAME_LEN is 14. */
export function deviceName(portId: string): string {
  return `tap${portId}`.slice(0, 14)
}

/** Interfaces without addresses are left out, as Nova does with networks that have no subnets. */
export function networkData(interfaces: readonly Interface[]): NetworkData {
  const data: NetworkData = { links: [], networks: [], services: [] }
  for (const vif of interfaces.filter((i) => i.fixedIPs.length > 0)) {
    const link = deviceName(vif.portId)
    data.links.push({
      id: link,
      vif_id: vif.portId,
      type: 'bridge',
      mtu: vif.mtu,
      ethernet_mac_address: vif.macAddress,
    })
    for (const ip of firstOfEach(vif.fixedIPs)) {
      const id = `network${data.networks.length}`
      data.networks.push(networkEntry({ id, link, network_id: vif.networkId }, ip))
      const known = new Set(data.services.map((s) => s.address))
      data.services.push(...servicesOf(ip).filter((s) => !known.has(s.address)))
    }
  }
  return data
}

const isIPv6 = ({ address }: FixedIP) => address.includes(':')

/** IPv4 first; Nova knows one of each. */
function firstOfEach(ips: readonly FixedIP[]): FixedIP[] {
  return [ips.find((ip) => !isIPv6(ip)), ips.find(isIPv6)].filter((ip) => ip !== undefined)
}

function networkEntry(common: { id: string; link: string; network_id: string }, ip: FixedIP): NetworkEntry {
  const { id, link, network_id } = common
  const family = isIPv6(ip) ? 'ipv6' : 'ipv4'
  if (ip.dhcp) return { id, type: `${family}_dhcp`, link, network_id }
  const netmask = netmaskOf(`${ip.address}/${ip.prefixLength}`)
  const routes = [...defaultRoute(ip), ...(ip.hostRoutes ?? []).map((r) => routeOf(r.destination, r.nextHop))]
  return { id, type: family, link, ip_address: ip.address, netmask, routes, network_id, services: servicesOf(ip) }
}

function defaultRoute(ip: FixedIP): Route[] {
  if (ip.gateway === undefined) return []
  const any = isIPv6(ip) ? '::' : '0.0.0.0'
  return [{ network: any, netmask: any, gateway: ip.gateway }]
}

function routeOf(destination: string, gateway: string): Route {
  const network = destination.includes(':')
    ? new Address6(destination).startAddress().correctForm()
    : new Address4(destination).startAddress().correctForm()
  return { network, netmask: netmaskOf(destination), gateway }
}

/** 10.0.0.0/8 → 255.0.0.0, fd00::/64 → ffff:ffff:ffff:ffff:: */
function netmaskOf(cidr: string): string {
  const [bits, prefix] = [cidr.includes(':') ? 128n : 32n, BigInt(cidr.split('/')[1] ?? 0)]
  const mask = ((1n << prefix) - 1n) << (bits - prefix)
  return bits === 128n ? Address6.fromBigInt(mask).correctForm() : Address4.fromBigInt(mask).correctForm()
}

function servicesOf({ dnsServers }: FixedIP): Service[] {
  return (dnsServers ?? []).map((address) => ({ type: 'dns', address }))
}
