/** Renders Networks, their subnets and Ports as Neutron's API shows them. Pure. */
import { createHash } from 'node:crypto'
import type { Network, Port, Server, Subnet } from '../../crds/index.ts'
import { isoSeconds } from '../http/time.ts'
import { displayNameOf } from '../state/names.ts'
import { uuidOf } from '../state/stores.ts'

export interface NetworkViewContext {
  projectIdOf(namespace: string | undefined): string
  /** The Network of a Port. */
  networkOf(port: Port): Network | undefined
  serverOf(port: Port): Server | undefined
}

/** Subnets have no objects of their own: their ID is made of the network's and of the range, in the form of a UUID. */
export function subnetIdOf(network: Network, { cidr }: Subnet): string {
  const hex = createHash('sha256')
    .update(`${network.metadata.uid ?? ''} ${cidr}`)
    .digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const timesOf = ({ metadata }: Network | Port): object => {
  const time = isoSeconds(metadata.creationTimestamp ?? 0)
  return { created_at: time, updated_at: time, revision_number: 1, description: '', tags: [] }
}

export function renderNetwork(network: Network, { projectIdOf }: NetworkViewContext): object {
  const { metadata, spec } = network
  const project = projectIdOf(metadata.namespace)
  return {
    id: metadata.uid,
    name: displayNameOf(network),
    project_id: project,
    tenant_id: project,
    status: 'ACTIVE',
    admin_state_up: true,
    shared: spec.shared,
    'router:external': false,
    mtu: spec.mtu,
    port_security_enabled: spec.portSecurity,
    subnets: spec.subnets.map((subnet) => subnetIdOf(network, subnet)),
    availability_zones: [],
    availability_zone_hints: [],
    ipv4_address_scope: null,
    ipv6_address_scope: null,
    ...timesOf(network),
  }
}

export function renderSubnet(network: Network, subnet: Subnet, { projectIdOf }: NetworkViewContext): object {
  const project = projectIdOf(network.metadata.namespace)
  const isIPv6 = subnet.cidr.includes(':')
  return {
    id: subnetIdOf(network, subnet),
    name: `${displayNameOf(network)}-${isIPv6 ? 'v6' : 'v4'}`,
    network_id: network.metadata.uid,
    project_id: project,
    tenant_id: project,
    ip_version: isIPv6 ? 6 : 4,
    cidr: subnet.cidr,
    gateway_ip: subnet.gateway ?? null,
    enable_dhcp: subnet.dhcp,
    allocation_pools: (subnet.pools ?? []).map(({ start, end }) => ({ start, end })),
    dns_nameservers: [...(subnet.dnsServers ?? [])],
    host_routes: (subnet.hostRoutes ?? []).map(({ destination, nextHop }) => ({ destination, nexthop: nextHop })),
    ipv6_address_mode: null,
    ipv6_ra_mode: null,
    service_types: [],
    subnetpool_id: null,
    ...timesOf(network),
  }
}

export function renderPort(port: Port, { projectIdOf, networkOf, serverOf }: NetworkViewContext): object {
  const { metadata, status } = port
  const network = networkOf(port)
  const server = serverOf(port)
  const project = projectIdOf(metadata.namespace)
  return {
    id: metadata.uid,
    name: displayNameOf(port),
    network_id: network?.metadata.uid ?? '',
    project_id: project,
    tenant_id: project,
    mac_address: status?.macAddress ?? '',
    fixed_ips: (status?.fixedIPs ?? []).map((address) => ({
      ip_address: address,
      subnet_id: network ? subnetOf(network, address) : '',
    })),
    device_id: server ? uuidOf(server) : '',
    device_owner: server ? 'compute:nova' : '',
    status: server?.status?.vmState === 'active' ? 'ACTIVE' : 'DOWN',
    admin_state_up: true,
    port_security_enabled: network?.spec.portSecurity ?? true,
    security_groups: [],
    allowed_address_pairs: [],
    extra_dhcp_opts: [],
    'binding:vnic_type': 'normal',
    ...timesOf(port),
  }
}

/** A network has at most one subnet of each family, so the family of the address tells which one it is. */
function subnetOf(network: Network, address: string): string {
  const subnet = network.spec.subnets.find(({ cidr }) => cidr.includes(':') === address.includes(':'))
  return subnet ? subnetIdOf(network, subnet) : ''
}
