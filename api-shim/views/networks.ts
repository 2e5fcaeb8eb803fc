import { hasDhcp, type Network, type Port, type Server, type Subnet } from '../../crds/index.ts'
import { isoSeconds } from '../http/time.ts'
import { uuidFrom } from '../state/derived-uuid.ts'
import { displayNameOf } from '../state/names.ts'
import { descriptionOf, factsOfSubnet, subnetsOf } from '../state/network-facts.ts'
import { uuidOf } from '../state/stores.ts'
import { poolsOf } from './address-pools.ts'
import { defaultGroupIdOf } from './security-groups.ts'

export interface NetworkViewContext {
  isAdmin: boolean
  projectIdOf(namespace: string | undefined): string
  /** The Network of a Port. */
  networkOf(port: Port): Network | undefined
  serverOf(port: Port): Server | undefined
}

/** A subnet is no object of its own, so its ID is made of the network's ID and the range. */
export const subnetIdOf = (network: Network, { cidr }: Pick<Subnet, 'cidr'>): string =>
  uuidFrom(`${network.metadata.uid ?? ''} ${cidr}`)

const timesOf = ({ metadata }: Network | Port): object => {
  const time = isoSeconds(metadata.creationTimestamp ?? 0)
  return { created_at: time, updated_at: time, revision_number: metadata.generation ?? 1, tags: [] }
}

const ownerOf = (id: string): object => ({ project_id: id, tenant_id: id })

export function providerOf({ spec: { uplink, bridge } }: Network): object {
  return {
    'provider:network_type': uplink === undefined && bridge === undefined ? 'local' : 'flat',
    'provider:physical_network': uplink ?? bridge ?? null,
    'provider:segmentation_id': null,
  }
}

export function renderNetwork(network: Network, { projectIdOf, isAdmin }: NetworkViewContext): object {
  const { metadata, spec } = network
  return {
    id: metadata.uid,
    name: displayNameOf(network),
    ...ownerOf(projectIdOf(metadata.namespace)),
    description: descriptionOf(network),
    status: 'ACTIVE',
    admin_state_up: true,
    shared: spec.shared,
    'router:external': false,
    mtu: spec.mtu,
    port_security_enabled: spec.portSecurity,
    subnets: subnetsOf(network).map((subnet) => subnetIdOf(network, subnet)),
    availability_zones: [],
    availability_zone_hints: [],
    ipv4_address_scope: null,
    ipv6_address_scope: null,
    ...(isAdmin ? providerOf(network) : {}),
    ...timesOf(network),
  }
}

export function renderSubnet(network: Network, subnet: Subnet, { projectIdOf }: NetworkViewContext): object {
  const isIPv6 = subnet.cidr.includes(':')
  const { name, description = '' } = factsOfSubnet(network, subnet)
  return {
    id: subnetIdOf(network, subnet),
    name: name ?? `${displayNameOf(network)}-${isIPv6 ? 'v6' : 'v4'}`,
    network_id: network.metadata.uid,
    ...ownerOf(projectIdOf(network.metadata.namespace)),
    description,
    ip_version: isIPv6 ? 6 : 4,
    cidr: subnet.cidr,
    gateway_ip: subnet.gateway ?? null,
    enable_dhcp: hasDhcp(subnet),
    allocation_pools: poolsOf(subnet),
    dns_nameservers: [...(subnet.dnsServers ?? [])],
    host_routes: (subnet.hostRoutes ?? []).map(({ destination, nextHop }) => ({ destination, nexthop: nextHop })),
    ipv6_address_mode: null,
    ipv6_ra_mode: null,
    service_types: [],
    subnetpool_id: null,
    'router:external': false,
    ...timesOf(network),
  }
}

export function renderPort(port: Port, { projectIdOf, networkOf, serverOf }: NetworkViewContext): object {
  const { metadata, spec, status } = port
  const network = networkOf(port)
  const server = serverOf(port)
  const project = projectIdOf(metadata.namespace)
  return {
    id: metadata.uid,
    name: displayNameOf(port),
    network_id: network?.metadata.uid ?? '',
    ...ownerOf(project),
    description: descriptionOf(port),
    mac_address: status?.macAddress ?? spec.macAddress ?? '',
    fixed_ips: (status?.fixedIPs ?? []).map((address) => ({
      subnet_id: network ? subnetOf(network, address) : '',
      ip_address: address,
    })),
    device_id: server ? uuidOf(server) : '',
    device_owner: server ? 'compute:nova' : '',
    status: server?.status?.vmState === 'active' ? 'ACTIVE' : 'DOWN',
    admin_state_up: true,
    port_security_enabled: network?.spec.portSecurity ?? true,
    security_groups: [defaultGroupIdOf(project)],
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
