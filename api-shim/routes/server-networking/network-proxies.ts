/** The Compute API's proxies to networks (up to 2.35). As in Nova, they show little more than the ID and the name. */
import type { Network } from '../../../crds/index.ts'
import { Fault, newNotFound } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import { displayNameOf } from '../../state/names.ts'
import { querySchema } from '../../validation/schema.ts'
import { findNetwork, listNetworks } from '../networks/find.ts'
import { defineRoute, type Route, type RouteRequest } from '../route.ts'

type Render = (network: Network, isAdministrator: boolean) => object

/** Fields of nova-network. Without it, Nova answers null. */
const fields = 'cidr netmask gateway broadcast dns1 dns2 cidr_v6 gateway_v6 netmask_v6'.split(' ')
const adminFields =
  'created_at updated_at deleted_at deleted injected bridge vlan vpn_public_address vpn_public_port vpn_private_address dhcp_start project_id host bridge_interface multi_host priority rxtx_base mtu dhcp_server enable_dhcp share_address'.split(
    ' ',
  )

const namesOf = (network: Network): object => ({ id: network.metadata.uid, label: displayNameOf(network) })

const renderNetwork: Render = (network, isAdministrator) => ({
  ...Object.fromEntries([...fields, ...(isAdministrator ? adminFields : [])].map((field) => [field, null])),
  ...namesOf(network),
})

/** Nova writes the missing value as Python's None. */
const renderTenantNetwork: Render = (network) => ({ ...namesOf(network), cidr: 'None' })

function routesOf(plural: string, render: Render): Route[] {
  const path = `/${plural}`
  const rule = `os_compute_api:${plural}`
  const shared = { method: 'GET', until: '2.35', success: 200, query: { '2.1': querySchema({}) } } as const
  const show = (network: Network, { caller }: RouteRequest<never>): object => render(network, isAdmin(caller))
  return [
    defineRoute<never>({
      ...shared,
      name: `${plural}:list`,
      path,
      policy: { rule: `${rule}:list`, role: 'reader' },
      async handle(request) {
        return { body: { networks: (await listNetworks(request)).map((network) => show(network, request)) } }
      },
    }),
    defineRoute<never>({
      ...shared,
      name: `${plural}:show`,
      path: `${path}/{id}`,
      policy: { rule: `${rule}:show`, role: 'reader' },
      async handle(request) {
        return { body: { network: show(await findOrFail(request), request) } }
      },
    }),
  ]
}

/** Throws Nova's 404 in place of Neutron's. */
async function findOrFail(request: RouteRequest<never>): Promise<Network> {
  try {
    return await findNetwork(request, request.params['id'] ?? '')
  } catch (error) {
    throw error instanceof Fault && error.status === 404 ? newNotFound('Network not found') : error
  }
}

export const networkProxyRoutes: readonly Route[] = [
  ...routesOf('os-networks', renderNetwork),
  ...routesOf('os-tenant-networks', renderTenantNetwork),
]
