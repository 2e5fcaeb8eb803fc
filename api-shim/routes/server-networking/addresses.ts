import { newNotFound } from '../../http/fault.ts'
import { networkLabelsOf } from '../../state/network-labels.ts'
import { noParameters } from '../../validation/parameters.ts'
import { renderAddresses } from '../../views/servers.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { findServer } from '../servers/find.ts'

const policy = (operation: string) =>
  ({ rule: `os_compute_api:ips:${operation}`, role: 'reader', inHandler: true }) as const

async function readAddresses(request: RouteRequest): Promise<Record<string, object[]>> {
  const server = await findServer(request)
  request.authorize()
  return Object.fromEntries(
    Object.entries(renderAddresses(server, networkLabelsOf(server, request.state.shared))).map(
      ([network, addresses]) => [network, addresses.map(({ version, addr }) => ({ version, addr }))],
    ),
  )
}

export const addressesList = defineRoute<null>({
  name: 'addresses:list',
  method: 'GET',
  path: '/servers/{server_id}/ips',
  success: 200,
  policy: policy('index'),
  query: noParameters,
  handle: async (request) => ({ body: { addresses: await readAddresses(request) } }),
})

export const addressesShow = defineRoute<null>({
  name: 'addresses:show',
  method: 'GET',
  path: '/servers/{server_id}/ips/{network_label}',
  success: 200,
  policy: policy('show'),
  query: noParameters,
  async handle(request) {
    const { network_label: label = '' } = request.params
    const all = await readAddresses(request)
    if (!Object.hasOwn(all, label)) throw newNotFound('Instance is not a member of specified network')
    return { body: { [label]: all[label] } }
  },
})
