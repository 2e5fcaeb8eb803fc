/** POST, PUT and DELETE of /networks. A network of Neutron is a Network with its subnets. */
import type { Network } from '../../../crds/index.ts'
import { newBadRequest, newForbidden } from '../../http/fault.ts'
import { isKubernetesName, newNameFor } from '../../state/names.ts'
import { annotationsOfNamed, subnetsOf } from '../../state/network-facts.ts'
import { networks } from '../../state/stores.ts'
import {
  arraySchema,
  boolean,
  integerSchema,
  isTrue,
  schemaFrom,
  schemaOfTypes,
  stringSchema,
} from '../../validation/schema.ts'
import { providerOf, renderNetwork, renderSubnet } from '../../views/networks.ts'
import { defineRouteOf, type Route, type RouteRequest } from '../route.ts'
import { checkFixed, readAttributes } from './attributes.ts'
import { readRoutesOf } from './collection.ts'
import { createNamed } from './create-named.ts'
import { checkNoPorts, checkOwner, findNetwork, listNetworks, networkViewOf } from './find.ts'
import { checkNoOwner, type OwnerAttributes, ownerFor } from './owner.ts'

const defineNetworkRoute = defineRouteOf('network')

interface NetworkAttributes extends OwnerAttributes {
  name?: string
  description?: string
  shared?: boolean | string
  mtu?: number
  port_security_enabled?: boolean | string
  'provider:network_type'?: string
  'provider:physical_network'?: string | null
}

const text = stringSchema({ maxLength: 255 })
const attributes = {
  name: text,
  description: text,
  admin_state_up: boolean,
  shared: boolean,
  mtu: integerSchema({ minimum: 0 }),
  port_security_enabled: boolean,
  tenant_id: text,
  project_id: text,
  'router:external': boolean,
  'provider:network_type': text,
  'provider:physical_network': schemaOfTypes<string | null>(['string', 'null']),
  'provider:segmentation_id': schemaFrom({ type: ['integer', 'string', 'null'] }),
  availability_zone_hints: arraySchema(text),
  dns_domain: schemaOfTypes<string | null>(['string', 'null']),
  is_default: boolean,
  qos_policy_id: schemaOfTypes<string | null>(['string', 'null']),
  vlan_transparent: schemaOfTypes<boolean | null>(['boolean', 'null']),
}

const fixed = {
  admin_state_up: true,
  'router:external': false,
  'provider:segmentation_id': null,
  availability_zone_hints: [],
  dns_domain: '',
  is_default: false,
  qos_policy_id: null,
  vlan_transparent: false,
}

const read = (body: unknown): NetworkAttributes => {
  const given = readAttributes(body, 'network', attributes) as NetworkAttributes
  checkFixed(given, fixed)
  return given
}

/** The device of the hosts that a provider network uses. */
function uplinkOf(given: NetworkAttributes): { uplink?: string } {
  const { 'provider:network_type': type = 'local', 'provider:physical_network': device } = given
  if (type === 'flat' && device) return { uplink: device }
  if (type !== 'local' || device)
    throw newBadRequest(
      "Invalid input for operation: provider:network_type must be 'flat', with the name of an interface of the hosts as provider:physical_network.",
    )
  return {}
}

const specOf = ({ shared, mtu, port_security_enabled: secure }: NetworkAttributes) => ({
  ...(shared === undefined ? {} : { shared: isTrue(shared) }),
  ...(mtu === undefined || mtu === 0 ? {} : { mtu }),
  ...(secure === undefined ? {} : { portSecurity: isTrue(secure) }),
})

/**
 * Throws a 403 if the request gives an attribute that is for administrators. The roles of the token decide, because the
 * API server knows only the user, who may be an administrator of another project.
 */
function checkRestricted(given: NetworkAttributes, request: RouteRequest, rule: string): void {
  if (request.can({ role: 'admin' })) return
  const isRestricted = (name: string): boolean =>
    name === 'shared' ? isTrue(given.shared ?? false) : name.startsWith('provider:')
  const restricted = Object.keys(given).find(isRestricted)
  if (restricted !== undefined) throw newForbidden(`rule:${rule}:${restricted} is disallowed by policy`)
}

/** Throws a 400 if the request would change the device of the hosts, which is fixed as long as the network exists. */
function checkSameProvider(given: NetworkAttributes, network: Network): void {
  const current = Object.entries(providerOf(network))
  const isOther = ([name, value]: [string, unknown]): boolean => {
    const wanted: unknown = Reflect.get(given, name)
    return wanted !== undefined && wanted !== value
  }
  if (current.some(isOther))
    throw newBadRequest(
      `Invalid input for operation: Plugin does not support updating the following provider network attributes: ${current.map(([name]) => name).join(', ')}.`,
    )
}

const create = defineNetworkRoute({
  name: 'networks:create',
  method: 'POST',
  path: '/networks',
  success: 201,
  policy: { rule: 'create_network', role: 'member' },
  async handle(request: RouteRequest) {
    const given = read(request.body)
    const { namespace } = ownerFor(given, request)
    checkRestricted(given, request, 'create_network')
    const { name = '', description } = given
    const draft = (objectName: string) => ({
      metadata: { name: objectName, namespace, annotations: annotationsOfNew({ name, description }, objectName) },
      spec: { mtu: 1500, shared: false, portSecurity: true, subnets: [], ...uplinkOf(given), ...specOf(given) },
    })
    const network = await createNamed(
      request.state.write(networks),
      draft,
      isKubernetesName(name) ? name : newNameFor(name || 'network'),
      name || 'network',
    )
    return { body: { network: renderNetwork(network, networkViewOf(request)) } }
  },
})

/** A new object has no annotations to remove, so the nulls are left out. */
export const annotationsOfNew = (
  named: Parameters<typeof annotationsOfNamed>[0],
  kubernetesName: string,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(annotationsOfNamed(named, kubernetesName)).filter(
      (entry): entry is [string, string] => entry[1] !== null,
    ),
  )

const update = defineNetworkRoute({
  name: 'networks:update',
  method: 'PUT',
  path: '/networks/{id}',
  success: 200,
  policy: { rule: 'update_network', role: 'member' },
  async handle(request: RouteRequest) {
    const network = await findNetwork(request, request.params['id'] ?? '')
    const given = read(request.body)
    checkNoOwner(given)
    checkOwner(request, network, 'update_network')
    checkRestricted(given, request, 'update_network')
    checkSameProvider(given, network)
    const { name, description } = given
    const changed = await request.state.write(networks).patch(network.metadata, {
      metadata: { annotations: annotationsOfNamed({ name, description }, network.metadata.name) },
      spec: specOf(given),
    })
    return { body: { network: renderNetwork(changed, networkViewOf(request)) } }
  },
})

const remove = defineNetworkRoute<never>({
  name: 'networks:delete',
  method: 'DELETE',
  path: '/networks/{id}',
  success: 204,
  policy: { rule: 'delete_network', role: 'member' },
  async handle(request) {
    const network: Network = await findNetwork(request, request.params['id'] ?? '')
    checkOwner(request, network, 'delete_network')
    await checkNoPorts(request, network, `network ${network.metadata.uid}`)
    await request.state.write(networks).delete(network)
    return {}
  },
})

export const networkRoutes: readonly Route[] = [
  ...readRoutesOf({
    plural: 'networks',
    singular: 'network',
    word: 'Network',
    list: async (request) =>
      (await listNetworks(request)).map((network) => renderNetwork(network, networkViewOf(request))),
  }),
  ...readRoutesOf({
    plural: 'subnets',
    singular: 'subnet',
    word: 'Subnet',
    list: async (request) =>
      (await listNetworks(request)).flatMap((network) =>
        subnetsOf(network).map((subnet) => renderSubnet(network, subnet, networkViewOf(request))),
      ),
  }),
  create,
  update,
  remove,
]
