/** PUT /os-services/{service_id}. Before 2.53, the last part of the path is an operation, such as `disable`. */
import type { Hypervisor } from '../../../crds/index.ts'
import { newBadRequest, newNotFound } from '../../http/fault.ts'
import { requireUuid } from '../../state/numeric-ids.ts'
import { hypervisors } from '../../state/stores.ts'
import { boolean, isTrue, objectSchema, oneOf, stringSchema, type TypeOf } from '../../validation/schema.ts'
import { renderService } from '../../views/services.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { fqdn } from './schemas.ts'
import { listServices } from './services.ts'

const policy = { rule: 'os_compute_api:os-services:update', role: 'admin' } as const
const text = stringSchema({ minLength: 1, maxLength: 255 })

const named = { host: fqdn, binary: text, disabled_reason: text }
const required = ['host', 'binary'] as const
const namedBody = objectSchema(named, { required })
const forcedBody = objectSchema({ ...named, forced_down: boolean }, { required })
type NamedBody = TypeOf<typeof forcedBody>

type Change = Partial<Record<'disabled' | 'forcedDown', boolean>> & { disabledReason?: string | null }

const requireCompute = (binary: string): void => {
  if (binary !== 'nova-compute')
    throw newBadRequest(`Updating a ${binary} service is not supported. Only nova-compute services can be updated.`)
}

async function updateByName({ host, binary }: NamedBody, change: Change, { state }: RouteRequest): Promise<void> {
  requireCompute(binary)
  const hypervisor = (await state.read(hypervisors)).get(host)
  if (!hypervisor) throw newNotFound(`Host '${host}' is not mapped to any cell`)
  await state.write(hypervisors).patch(hypervisor.metadata, { spec: change })
}

/** `shown` has the members of the answer besides the name of the service. */
function planOperation(operation: string, body: NamedBody, version: number): { change: Change; shown: object } {
  if (operation === 'enable') return { change: { disabled: false, disabledReason: null }, shown: { status: 'enabled' } }
  if (operation === 'disable')
    return { change: { disabled: true, disabledReason: null }, shown: { status: 'disabled' } }
  if (operation === 'disable-log-reason') {
    const { disabled_reason: reason } = body
    if (reason === undefined) throw newBadRequest('Missing disabled reason field')
    return {
      change: { disabled: true, disabledReason: reason },
      shown: { status: 'disabled', disabled_reason: reason },
    }
  }
  if (operation !== 'force-down' || version < 11) throw newNotFound('Unknown action')
  if (body.forced_down === undefined) throw newBadRequest('Missing forced_down field')
  const forcedDown = isTrue(body.forced_down)
  return { change: { forcedDown }, shown: { forced_down: forcedDown } }
}

export const servicesUpdateByName = defineRoute<NamedBody>({
  name: 'services:update-by-name',
  method: 'PUT',
  path: '/os-services/{service_id}',
  until: '2.52',
  success: 200,
  policy,
  body: { '2.1': namedBody, '2.11': forcedBody },
  async handle(request) {
    const { body, params, version } = request
    const { change, shown } = planOperation(params['service_id'] ?? '', body, version)
    await updateByName(body, change, request)
    return { body: { service: { host: body.host, binary: body.binary, ...shown } } }
  },
})

const newBody = objectSchema({
  status: oneOf(['enabled', 'disabled'], { type: 'string' }),
  disabled_reason: text,
  forced_down: boolean,
})
type NewBody = TypeOf<typeof newBody>

function changeFrom({ status, disabled_reason: reason, forced_down: forced }: NewBody): Change {
  if (status === 'enabled' && reason !== undefined)
    throw newBadRequest("Specifying 'disabled_reason' with status 'enabled' is invalid.")
  if (status === undefined && forced === undefined)
    throw newBadRequest("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
  return {
    ...(status === undefined ? {} : { disabled: status === 'disabled', disabledReason: reason ?? null }),
    ...(forced === undefined ? {} : { forcedDown: isTrue(forced) }),
  }
}

export const servicesUpdate = defineRoute<NewBody>({
  name: 'services:update',
  method: 'PUT',
  path: '/os-services/{service_id}',
  since: '2.53',
  success: 200,
  policy: { ...policy, inHandler: true },
  body: { '2.53': newBody },
  async handle(request) {
    const id = request.params['service_id'] ?? ''
    requireUuid(id)
    request.authorize()
    const find = async () => (await listServices(request)).find(({ uuid }) => uuid === id.toLowerCase())
    const service = await find()
    if (!service) throw newNotFound(`Service ${id} could not be found.`)
    requireCompute(service.binary)
    const { metadata } = service.hypervisor as Hypervisor
    await request.state.write(hypervisors).patch(metadata, { spec: changeFrom(request.body) })
    const changed = await find()
    return { body: { service: renderService(changed ?? service, request.version) } }
  },
})
