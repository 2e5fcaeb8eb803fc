/** /servers/{server_id}/os-volume_attachments: there is no volume service, so no server has a volume. */
import { newNotFound } from '../../http/fault.ts'
import { ignoredParameters } from '../../validation/parameters.ts'
import {
  boolean,
  nonNegativeInteger,
  objectSchema,
  querySchema,
  repeatedParameter,
  schemaFrom,
  stringSchema,
} from '../../validation/schema.ts'
import { defineRoute, type Route } from '../route.ts'
import { checkState } from '../servers/action-state.ts'
import { findServer } from '../servers/find.ts'
import { tag } from '../servers/parameters.ts'

const path = '/servers/{server_id}/os-volume_attachments'
const itemPath = `${path}/{volume_id}`
const ruleOf = (operation: string): string => `os_compute_api:os-volumes-attachments:${operation}`
const policy = (operation: string, role: 'reader' | 'member') =>
  ({ rule: ruleOf(operation), role, inHandler: true }) as const

const page = { limit: repeatedParameter(nonNegativeInteger), offset: repeatedParameter(nonNegativeInteger) }
const list = defineRoute<null>({
  name: 'volume-attachments:list',
  method: 'GET',
  path,
  success: 200,
  policy: policy('index', 'reader'),
  query: { '2.1': querySchema(page), '2.75': querySchema(page, { additionalProperties: false }) },
  async handle(request) {
    await findServer(request)
    request.authorize()
    return { body: { volumeAttachments: [] } }
  },
})

const show = defineRoute<null>({
  name: 'volume-attachments:show',
  method: 'GET',
  path: itemPath,
  success: 200,
  policy: policy('show', 'reader'),
  query: ignoredParameters,
  async handle(request) {
    const { server_id: server, volume_id: volume } = request.params
    await findServer(request)
    request.authorize()
    throw newNotFound(`Instance ${server} is not attached to volume ${volume}`)
  },
})

const volumeId = stringSchema({ format: 'uuid' })
const device = schemaFrom<string | null>({
  type: ['string', 'null'],
  pattern: '(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$',
})
const wrap = <P extends Parameters<typeof objectSchema>[0]>(properties: P) =>
  objectSchema(
    { volumeAttachment: objectSchema(properties, { required: ['volumeId'] }) },
    { required: ['volumeAttachment'] },
  )
const newest = wrap({ volumeId, device, tag, delete_on_termination: boolean })

const attachable = ['active', 'paused', 'stopped', 'resized', 'soft-delete', 'shelved', 'shelved_offloaded'] as const

const create = defineRoute<{ volumeAttachment: { volumeId: string } }>({
  name: 'volume-attachments:create',
  method: 'POST',
  path,
  success: { '2.1': 200, '2.101': 202 },
  policy: policy('create', 'member'),
  body: { '2.1': wrap({ volumeId, device }), '2.49': wrap({ volumeId, device, tag }), '2.79': newest },
  async handle(request) {
    const server = await findServer(request)
    request.authorize()
    checkState(server, { name: 'attach_volume', from: attachable }, request)
    throw newNotFound(`Volume ${request.body.volumeAttachment.volumeId} could not be found.`)
  },
})

const updateBody = wrap({
  volumeId,
  device,
  tag,
  delete_on_termination: boolean,
  serverId: stringSchema({ format: 'uuid' }),
  id: stringSchema({ format: 'uuid' }),
})

/**
 * Since this microversion (2.85), an update may leave the volume as it is. Until 2.84, each update replaces the volume,
 * which only administrators may do.
 */
const UPDATE_SINCE = 85

const update = defineRoute<{ volumeAttachment: { volumeId: string } }>({
  name: 'volume-attachments:update',
  method: 'PUT',
  path: itemPath,
  success: 202,
  policy: policy('update', 'member'),
  body: { '2.1': wrap({ volumeId }), '2.85': updateBody },
  async handle(request) {
    const { server_id: server, volume_id: volume } = request.params
    await findServer(request)
    const isSwap = request.version < UPDATE_SINCE || volume !== request.body.volumeAttachment.volumeId
    request.authorize(isSwap ? { rule: ruleOf('swap'), role: 'admin' } : undefined)
    if (request.version >= UPDATE_SINCE) throw newNotFound(`Instance ${server} is not attached to volume ${volume}`)
    throw newNotFound(`Volume ${volume} could not be found.`)
  },
})

const remove = defineRoute<null>({
  name: 'volume-attachments:delete',
  method: 'DELETE',
  path: itemPath,
  success: 202,
  policy: policy('delete', 'member'),
  async handle(request) {
    await findServer(request)
    request.authorize()
    throw newNotFound(`Volume ${request.params['volume_id']} could not be found.`)
  },
})

export const volumeAttachmentRoutes: readonly Route[] = [list, show, create, update, remove]
