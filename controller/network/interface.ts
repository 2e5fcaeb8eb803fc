/** Builds the interface in a server's status.instance: a copy of what the host needs of the Network and the Port. */
import {
  type FixedIP,
  hasDhcp,
  type Interface,
  type Network,
  type Port,
  Refused,
  type Subnet,
  Transient,
} from '../../crds/index.ts'
import { cidrContains, formatIP, parseCIDR, parseIP } from './ip.ts'
import { defaultRoutesOf, dhcpAddressOf, isDefaultRoute } from './reserved.ts'

/**
 * @param tag the tag in the entry of the server's spec.networks
 * @throws Transient error (retried) while the Port has no MAC; Refused error (the user must change something) if one of
 * the Port's addresses is in no subnet
 */
export function buildInterface(network: Network, port: Port, tag?: string): Interface {
  const { spec, metadata } = network
  const macAddress = port.status?.macAddress
  if (macAddress === undefined || port.metadata.uid === undefined) {
    throw new Transient('PortNotReady', `Port ${port.metadata.namespace}/${port.metadata.name} has no MAC address yet`)
  }
  return {
    port: port.metadata.name,
    portId: port.metadata.uid,
    network: metadata.name,
    networkNamespace: metadata.namespace ?? '',
    networkId: metadata.uid ?? '',
    ...(spec.bridge === undefined ? {} : { bridge: spec.bridge }),
    ...(spec.uplink === undefined ? {} : { uplink: spec.uplink }),
    mtu: spec.mtu,
    macAddress,
    portSecurity: spec.portSecurity,
    fixedIPs: (port.status?.fixedIPs ?? []).map((address) => buildFixedIP(network, port, address)),
    ...(tag === undefined ? {} : { tag }),
  }
}

function buildFixedIP(network: Network, port: Port, address: string): FixedIP {
  const ip = parseIP(address)
  const found = network.spec.subnets
    .map((subnet) => ({ subnet, cidr: parseCIDR(subnet.cidr) }))
    .find(({ cidr }) => ip !== undefined && cidr !== undefined && cidrContains(cidr, ip))
  if (ip === undefined || found?.cidr === undefined) {
    throw new Refused(
      'AddressOutsideSubnets',
      `${address} of Port ${port.metadata.namespace}/${port.metadata.name} is in no subnet of Network ${network.metadata.namespace}/${network.metadata.name}: its subnets were changed; delete the port, or give the subnet back`,
    )
  }
  return {
    address: formatIP(ip),
    prefixLength: found.cidr.prefixLength,
    ...guestSettingsOf(found.subnet, network.spec.subnets),
  }
}

function guestSettingsOf(subnet: Subnet, subnets: readonly Subnet[]): Omit<FixedIP, 'address' | 'prefixLength'> {
  const dhcpAddress = dhcpAddressOf(subnet, subnets)
  const { gateway = defaultRoutesOf(subnet)[0]?.nextHop } = subnet
  const hostRoutes = subnet.hostRoutes?.filter((route) => !isDefaultRoute(route))
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ...(subnet.dnsServers === undefined ? {} : { dnsServers: subnet.dnsServers }),
    ...(hostRoutes === undefined ? {} : { hostRoutes }),
    dhcp: hasDhcp(subnet),
    ...(dhcpAddress === undefined ? {} : { dhcpAddress }),
  }
}
