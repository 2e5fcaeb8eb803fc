import { newBadRequest, newNotFound, newNotImplemented } from '../../http/fault.ts'
import { objectSchema, schemaFrom, type TypeOf } from '../../validation/schema.ts'
import { hasAddresses } from '../../views/servers.ts'
import { defineRoute, type Route, type RouteRequest } from '../route.ts'
import { serversDelete } from './delete.ts'
import { checkLock, findServer } from './find.ts'
import { ipAddress } from './parameters.ts'

const until = '2.43'
const action = { method: 'POST', path: '/servers/{server_id}/action', success: 202 } as const
const policy = (rule: string) => ({ rule: `os_compute_api:${rule}`, role: 'member', inHandler: true }) as const
async function refuseAddressChange(request: RouteRequest): Promise<never> {
  const server = await findServer(request)
  request.authorize()
  checkLock(server, request)
  throw newNotImplemented('The requested functionality is not supported.')
}

const networkId = schemaFrom<string | number>({ type: ['string', 'number'], minLength: 1, maxLength: 36 })
const addFixedBody = objectSchema(
  { addFixedIp: objectSchema({ networkId }, { required: ['networkId'] }) },
  { required: ['addFixedIp'] },
)
const addFixedIp = defineRoute<TypeOf<typeof addFixedBody>>({
  ...action,
  name: 'servers:addFixedIp',
  action: 'addFixedIp',
  until,
  policy: policy('os-multinic:add'),
  body: { '2.1': addFixedBody },
  handle: refuseAddressChange,
})

const addressBody = <K extends string>(key: K) =>
  objectSchema({ [key]: objectSchema({ address: ipAddress }, { required: ['address'] }) }, { required: [key] })
const removeFixedBody = addressBody('removeFixedIp')
const removeFixedIp = defineRoute<TypeOf<typeof removeFixedBody>>({
  ...action,
  name: 'servers:removeFixedIp',
  action: 'removeFixedIp',
  until,
  policy: policy('os-multinic:remove'),
  body: { '2.1': removeFixedBody },
  handle: refuseAddressChange,
})

const floating = objectSchema({ address: ipAddress, fixed_address: ipAddress }, { required: ['address'] })
const addFloatingIp = defineRoute<{ addFloatingIp: { address: string } }>({
  ...action,
  name: 'servers:addFloatingIp',
  action: 'addFloatingIp',
  until,
  policy: policy('os-floating-ips:add'),
  body: { '2.1': objectSchema({ addFloatingIp: floating }, { required: ['addFloatingIp'] }) },
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    if (!hasAddresses(server)) throw newBadRequest('Instance network is not ready yet')
    throw newNotFound('floating IP not found')
  },
})

const removeFloatingBody = addressBody('removeFloatingIp')
const removeFloatingIp = defineRoute<{ removeFloatingIp: { address: string } }>({
  ...action,
  name: 'servers:removeFloatingIp',
  action: 'removeFloatingIp',
  until,
  policy: { rule: 'os_compute_api:os-floating-ips:remove', role: 'member' },
  body: { '2.1': removeFloatingBody },
  async handle({ body }) {
    throw newNotFound(`Floating IP not found for address ${body.removeFloatingIp.address}.`)
  },
})

/** The agents keep the networks of servers as they must be, so there is nothing to inject. */
const injectNetworkInfo = defineRoute({
  ...action,
  name: 'servers:injectNetworkInfo',
  action: 'injectNetworkInfo',
  policy: { rule: 'os_compute_api:os-admin-actions:inject_network_info', role: 'admin', inHandler: true },
  body: { '2.1': objectSchema({ injectNetworkInfo: schemaFrom({}) }, { required: ['injectNetworkInfo'] }) },
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    checkLock(server, request)
    return {}
  },
})

/** No server is soft-deleted, so forceDelete does what DELETE does. */
const forceDelete = defineRoute<never>({
  ...action,
  name: 'servers:forceDelete',
  action: 'forceDelete',
  policy: policy('os-deferred-delete:force'),
  body: { '2.1': objectSchema({ forceDelete: schemaFrom({}) }, { required: ['forceDelete'] }) },
  handle: serversDelete.handle,
})

export const networkActions: readonly Route[] = [
  addFixedIp,
  removeFixedIp,
  addFloatingIp,
  removeFloatingIp,
  injectNetworkInfo,
  forceDelete,
]
