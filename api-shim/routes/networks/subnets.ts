/** POST, PUT and DELETE of /subnets. A subnet is an entry in the spec of its Network. */
import type { Network, Subnet } from '../../../crds/index.ts'
import { newBadRequest, newConflict } from '../../http/fault.ts'
import type { Project } from '../../identity/caller.ts'
import { type SubnetFacts, subnetAnnotation, subnetFactsOf } from '../../state/network-facts.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { networks } from '../../state/stores.ts'
import {
  arraySchema,
  boolean,
  integerSchema,
  isTrue,
  objectSchema,
  schemaOfTypes,
  stringSchema,
} from '../../validation/schema.ts'
import { canonicalCidr, firstAddressOf } from '../../views/address-pools.ts'
import { renderSubnet } from '../../views/networks.ts'
import { defineRouteOf, type Reply, type Route, type RouteRequest } from '../route.ts'
import { checkFixed, readAttributes } from './attributes.ts'
import { checkOwner, findBlockingPorts, findNetwork, findSubnet, networkViewOf } from './find.ts'
import { checkNoOwner, type OwnerAttributes, ownerFor } from './owner.ts'

const defineNetworkRoute = defineRouteOf('network')

interface SubnetAttributes extends OwnerAttributes {
  network_id?: string
  cidr?: string
  ip_version?: number
  name?: string
  description?: string
  gateway_ip?: string | null
  enable_dhcp?: boolean | string
  allocation_pools?: { start: string; end: string }[]
  dns_nameservers?: string[]
  host_routes?: { destination: string; nexthop: string }[]
}

const text = stringSchema({ maxLength: 255 })
const optionalText = schemaOfTypes<string | null>(['string', 'null'])
const attributes = {
  network_id: text,
  cidr: text,
  ip_version: integerSchema({ enum: [4, 6] }),
  name: text,
  description: text,
  gateway_ip: optionalText,
  enable_dhcp: boolean,
  allocation_pools: arraySchema(objectSchema({ start: text, end: text }, { required: ['start', 'end'] })),
  dns_nameservers: arraySchema(text),
  host_routes: arraySchema(
    objectSchema({ destination: text, nexthop: text }, { required: ['destination', 'nexthop'] }),
  ),
  tenant_id: text,
  project_id: text,
  ipv6_address_mode: optionalText,
  ipv6_ra_mode: optionalText,
  service_types: arraySchema(text),
  subnetpool_id: optionalText,
  segment_id: optionalText,
  prefixlen: integerSchema(),
}

const fixed = {
  service_types: [],
  subnetpool_id: null,
  segment_id: null,
  prefixlen: null,
  ipv6_address_mode: null,
  ipv6_ra_mode: null,
}

/** A null gateway means that the subnet has none. */
const specOf = (given: SubnetAttributes): Partial<Subnet> => ({
  ...(given.gateway_ip ? { gateway: given.gateway_ip } : {}),
  ...(given.enable_dhcp === undefined ? {} : { dhcp: isTrue(given.enable_dhcp) }),
  ...(given.allocation_pools?.length ? { pools: given.allocation_pools } : {}),
  ...(given.dns_nameservers ? { dnsServers: given.dns_nameservers } : {}),
  ...(given.host_routes
    ? { hostRoutes: given.host_routes.map(({ destination, nexthop }) => ({ destination, nextHop: nexthop })) }
    : {}),
})

const factsOf = ({ name, description }: SubnetAttributes): SubnetFacts => ({
  ...(name === undefined ? {} : { name }),
  ...(description === undefined ? {} : { description }),
})

/**
 * Writes the subnets and the facts about one of them.
 * @param subnetsOf returns the subnets that the newest network shall have
 */
async function saveSubnet(
  request: RouteRequest,
  network: Network,
  subnetsOf: (newest: Network) => readonly Subnet[],
  subnet: Subnet,
  facts: SubnetFacts,
): Promise<Reply> {
  const change = (newest: Network): MergePatch => ({
    metadata: { annotations: subnetAnnotation(subnetFactsOf(newest), subnet.cidr, facts) },
    spec: { subnets: subnetsOf(newest) },
  })
  const changed = await patchNewest(networks, network, change, request)
  const stored = changed.spec.subnets.find(({ cidr }) => cidr === subnet.cidr) ?? subnet
  return { body: { subnet: renderSubnet(changed, stored, networkViewOf(request)) } }
}

const isIPv6 = ({ cidr }: Pick<Subnet, 'cidr'>): boolean => cidr.includes(':')

/**
 * Throws a 409 if the network already has a range of this IP family. A Network keeps the range of a deleted subnet, so
 * in that family only a subnet with the same range can be created again.
 */
function checkFamily(network: Network, cidr: string): void {
  const other = network.spec.subnets.find((subnet) => isIPv6(subnet) === isIPv6({ cidr }))
  if (!other) return
  const isDeleted = subnetFactsOf(network)[other.cidr]?.isDeleted === true
  if (isDeleted && other.cidr === cidr) return
  throw newConflict(
    isDeleted
      ? `The network keeps the range ${other.cidr} of the subnet that was deleted: create a subnet with that cidr, or another network.`
      : `A network has at most one subnet of each IP version here, and this one has ${other.cidr}: create another network.`,
  )
}

/** Throws a 400 if the request names another project than that of the network, of which a subnet is a part. */
function checkOwnerOfNetwork(given: SubnetAttributes, { metadata }: Network, { namespace }: Project): void {
  const isNamed = given.project_id !== undefined || given.tenant_id !== undefined
  if (isNamed && namespace !== metadata.namespace)
    throw newBadRequest('Invalid input for project_id. Reason: a subnet has the project of its network here.')
}

const create = defineNetworkRoute({
  name: 'subnets:create',
  method: 'POST',
  path: '/subnets',
  success: 201,
  policy: { rule: 'create_subnet', role: 'member' },
  async handle(request: RouteRequest) {
    const given = readAttributes(request.body, 'subnet', attributes) as SubnetAttributes
    checkFixed(given, fixed)
    if (given.network_id === undefined)
      throw newBadRequest("Failed to parse request. Required attribute 'network_id' not specified")
    if (given.cidr === undefined) throw newBadRequest('a subnetpool must be specified in the absence of a cidr')
    const cidr = canonicalCidr(given.cidr)
    if (cidr === undefined)
      throw newBadRequest(`Invalid input for cidr. Reason: '${given.cidr}' is not a valid IP subnet.`)
    if (given.ip_version !== undefined && (given.ip_version === 6) !== isIPv6({ cidr }))
      throw newBadRequest(
        `Invalid input for operation: The ip_version of cidr '${cidr}' does not match the ip_version '${given.ip_version}'.`,
      )
    const owner = ownerFor(given, request)
    const network = await findNetwork(request, given.network_id)
    checkOwner(request, network, 'create_subnet')
    checkOwnerOfNetwork(given, network, owner)
    // As in Neutron, the gateway is the first address unless the request says that there is none.
    const gateway = given.gateway_ip === undefined ? { gateway: firstAddressOf(cidr) } : {}
    const subnet: Subnet = { cidr, dhcp: true, ...gateway, ...specOf(given) }
    const withSubnet = (newest: Network): Subnet[] => {
      checkFamily(newest, cidr)
      return [...newest.spec.subnets.filter((other) => other.cidr !== cidr), subnet]
    }
    const facts = { name: '', description: '', isDeleted: false, ...factsOf(given) }
    return saveSubnet(request, network, withSubnet, subnet, facts)
  },
})

const update = defineNetworkRoute({
  name: 'subnets:update',
  method: 'PUT',
  path: '/subnets/{id}',
  success: 200,
  policy: { rule: 'update_subnet', role: 'member' },
  async handle(request: RouteRequest) {
    const { network, subnet } = await findSubnet(request, request.params['id'] ?? '')
    const given = readAttributes(request.body, 'subnet', attributes) as SubnetAttributes
    checkNoOwner(given)
    const ipVersion = isIPv6(subnet) ? 6 : 4
    checkFixed(given, { ...fixed, cidr: subnet.cidr, ip_version: ipVersion, network_id: network.metadata.uid })
    checkOwner(request, network, 'update_subnet')
    const withChange = ({ spec }: Network): Subnet[] =>
      spec.subnets.map((other) => (other.cidr === subnet.cidr ? changeSubnet(other, given) : other))
    return saveSubnet(request, network, withChange, subnet, factsOf(given))
  },
})

/** A null gateway removes the gateway; without one in the request it stays. */
function changeSubnet({ gateway, ...rest }: Subnet, given: SubnetAttributes): Subnet {
  const kept = given.gateway_ip === undefined && gateway !== undefined ? { gateway } : {}
  return { ...rest, ...kept, ...specOf(given) }
}

const remove = defineNetworkRoute({
  name: 'subnets:delete',
  method: 'DELETE',
  path: '/subnets/{id}',
  success: 204,
  policy: { rule: 'delete_subnet', role: 'member' },
  async handle(request: RouteRequest) {
    const id = request.params['id'] ?? ''
    const { network, subnet } = await findSubnet(request, id)
    checkOwner(request, network, 'delete_subnet')
    const isUsed = (await findBlockingPorts(request, network)).some(({ status }) =>
      status?.fixedIPs?.some((address) => isIPv6({ cidr: address }) === isIPv6(subnet)),
    )
    if (isUsed)
      throw newConflict(
        `Unable to complete operation on subnet ${id}: One or more ports have an IP allocation from this subnet.`,
      )
    await saveSubnet(request, network, ({ spec }) => spec.subnets, subnet, { isDeleted: true })
    return {}
  },
})

export const subnetRoutes: readonly Route[] = [create, update, remove]
