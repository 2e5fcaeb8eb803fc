/** /ports: Ports, which keep their MAC and addresses while servers come and go. */
import { isIP } from 'node:net'
import type { Network, Port } from '../../../crds/index.ts'
import { keyOf } from '../../../kube/types.ts'
import { newBadRequest, newConflict } from '../../http/fault.ts'
import type { Project } from '../../identity/caller.ts'
import { isKubernetesName, newNameFor } from '../../state/names.ts'
import { annotationsOfNamed, subnetsOf } from '../../state/network-facts.ts'
import { ports } from '../../state/stores.ts'
import { arraySchema, boolean, objectSchema, schemaFrom, schemaOfTypes, stringSchema } from '../../validation/schema.ts'
import { renderPort, subnetIdOf } from '../../views/networks.ts'
import { defaultGroupIdOf } from '../../views/security-groups.ts'
import { defineRouteOf, type Route, type RouteRequest } from '../route.ts'
import { checkFixed, readAttributes } from './attributes.ts'
import { readRoutesOf } from './collection.ts'
import { createNamed } from './create-named.ts'
import { checkOwner, findNetwork, findPort, listPorts, networkOfPort, networkViewOf } from './find.ts'
import { annotationsOfNew } from './networks.ts'
import { checkNoOwner, type OwnerAttributes, ownerFor } from './owner.ts'

const defineNetworkRoute = defineRouteOf('network')

interface FixedIP {
  subnet_id?: string
  ip_address?: string
}
interface PortAttributes extends OwnerAttributes {
  network_id?: string
  name?: string
  description?: string
  mac_address?: string
  fixed_ips?: FixedIP[]
  security_groups?: string[] | null
  device_id?: string
}

const text = stringSchema({ maxLength: 255 })
const attributes = {
  network_id: text,
  name: text,
  description: text,
  mac_address: schemaOfTypes<string | null>(['string', 'null'], { maxLength: 32 }),
  fixed_ips: arraySchema(objectSchema({ subnet_id: text, ip_address: text }), { maxItems: 16 }),
  security_groups: schemaFrom({ type: ['array', 'null'], items: text }),
  admin_state_up: boolean,
  device_id: text,
  device_owner: text,
  tenant_id: text,
  project_id: text,
  port_security_enabled: boolean,
  'binding:vnic_type': text,
  'binding:profile': schemaFrom({ type: ['object', 'null'] }),
  'binding:host_id': schemaOfTypes<string | null>(['string', 'null']),
  allowed_address_pairs: arraySchema(schemaFrom({ type: 'object' })),
  extra_dhcp_opts: schemaFrom({ type: ['array', 'null'] }),
  dns_name: text,
  dns_domain: text,
  qos_policy_id: schemaOfTypes<string | null>(['string', 'null']),
}

const fixed = {
  admin_state_up: true,
  'binding:vnic_type': 'normal',
  'binding:profile': {},
  allowed_address_pairs: [],
  extra_dhcp_opts: [],
  dns_name: '',
  dns_domain: '',
  qos_policy_id: null,
  'binding:host_id': '',
}

const fixedFor = ({ id }: Project, network: Network | undefined): Record<string, unknown> => ({
  ...fixed,
  security_groups: [defaultGroupIdOf(id)],
  ...(network ? { port_security_enabled: network.spec.portSecurity } : {}),
})

/**
 * Returns the addresses that the request names; undefined if it names none. An entry with only a subnet asks for any
 * address of that subnet. A port gets such an address by default, so the entry is left out.
 */
function addressesOf(wanted: readonly FixedIP[] | undefined, network: Network): string[] | undefined {
  if (wanted === undefined) return undefined
  const subnets = subnetsOf(network)
  if (wanted.length === 0 && subnets.length > 0)
    throw newBadRequest(
      'Invalid input for fixed_ips. Reason: a port has an address of each subnet of its network here.',
    )
  for (const { subnet_id: id } of wanted)
    if (id !== undefined && !subnets.some((subnet) => subnetIdOf(network, subnet) === id))
      throw newBadRequest(
        `Invalid input for operation: Failed to create port on network ${network.metadata.uid}, because fixed_ips included invalid subnet ${id}.`,
      )
  const addresses = wanted.flatMap(({ ip_address: address }) => address ?? [])
  const wrong = addresses.find((address) => isIP(address) === 0)
  if (wrong !== undefined)
    throw newBadRequest(`Invalid input for fixed_ips. Reason: '${wrong}' is not a valid IP address.`)
  return addresses.length > 0 ? addresses : undefined
}

const hasAddresses = (port: Port | undefined): boolean => port?.status?.macAddress !== undefined

const create = defineNetworkRoute({
  name: 'ports:create',
  method: 'POST',
  path: '/ports',
  success: 201,
  policy: { rule: 'create_port', role: 'member' },
  async handle(request: RouteRequest) {
    const given = readAttributes(request.body, 'port', attributes) as PortAttributes
    const { network_id: networkId, name = '', description, mac_address: mac } = given
    if (networkId === undefined)
      throw newBadRequest("Failed to parse request. Required attribute 'network_id' not specified")
    const owner = ownerFor(given, request)
    const network = await findNetwork(request, networkId)
    checkFixed(given, { ...fixedFor(owner, network), device_id: '', device_owner: '' })
    const fixedIPs = addressesOf(given.fixed_ips, network)
    const { namespace } = network.metadata
    const reference = {
      name: network.metadata.name,
      ...(namespace && namespace !== owner.namespace ? { namespace } : {}),
    }
    const draft = (objectName: string) => ({
      metadata: {
        name: objectName,
        namespace: owner.namespace,
        annotations: annotationsOfNew({ name, description }, objectName),
      },
      spec: {
        network: reference,
        ...(fixedIPs ? { fixedIPs } : {}),
        ...(mac ? { macAddress: mac.toLowerCase() } : {}),
      },
    })
    const first = isKubernetesName(name) ? name : newNameFor(name || 'port')
    const created = await createNamed(request.state.write(ports), draft, first, name || 'port')
    // The controller allocates the addresses. If that takes too long, the answer has none.
    const port = await request.state.shared.waiterOf(ports)?.waitFor(keyOf(created.metadata), hasAddresses)
    return { body: { port: renderPort(port ?? created, networkViewOf(request)) } }
  },
})

const update = defineNetworkRoute({
  name: 'ports:update',
  method: 'PUT',
  path: '/ports/{id}',
  success: 200,
  policy: { rule: 'update_port', role: 'member' },
  async handle(request: RouteRequest) {
    const port = await findPort(request, request.params['id'] ?? '')
    const given = readAttributes(request.body, 'port', attributes) as PortAttributes
    checkNoOwner(given)
    checkOwner(request, port, 'update_port')
    const owner = request.state.shared.projectOf(port.metadata.namespace ?? '')
    const shown = renderPort(port, networkViewOf(request))
    const kept = ['network_id', 'mac_address', 'device_id', 'device_owner', 'fixed_ips'] as const
    const values = Object.fromEntries(kept.map((key): [string, unknown] => [key, Reflect.get(shown, key)]))
    checkFixed(given, { ...fixedFor(owner, networkOfPort(port, request)), ...values })
    const { name, description } = given
    const annotations = annotationsOfNamed({ name, description }, port.metadata.name)
    const changed = await request.state.write(ports).patch(port.metadata, { metadata: { annotations } })
    return { body: { port: renderPort(changed, networkViewOf(request)) } }
  },
})

const remove = defineNetworkRoute<never>({
  name: 'ports:delete',
  method: 'DELETE',
  path: '/ports/{id}',
  success: 204,
  policy: { rule: 'delete_port', role: 'member' },
  async handle(request) {
    const id = request.params['id'] ?? ''
    const port = await findPort(request, id)
    checkOwner(request, port, 'delete_port')
    const server = networkViewOf(request).serverOf(port)
    if (server)
      throw newConflict(
        `Unable to complete operation on port ${id}: it is used by server ${server.metadata.name}. Detach it first.`,
      )
    await request.state.write(ports).delete(port)
    return {}
  },
})

export const portRoutes: readonly Route[] = [
  ...readRoutesOf({
    plural: 'ports',
    singular: 'port',
    word: 'Port',
    list: async (request) => (await listPorts(request)).map((port) => renderPort(port, networkViewOf(request))),
  }),
  create,
  update,
  remove,
]
