/** /servers/{server_id}/shares: there is no file share service, so no server has a share. */
import { newNotFound } from '../../http/fault.ts'
import { objectSchema, querySchema, stringSchema, type TypeOf } from '../../validation/schema.ts'
import { defineRoute, type Route } from '../route.ts'
import { findMappedServer } from '../servers/find-mapped.ts'

const since = '2.97'
const path = '/servers/{server_id}/shares'
const itemPath = `${path}/{share_id}`
const ruleOf = (operation: string): string => `os_compute_api:os-server-shares:${operation}`
const policy = (operation: string, role: 'reader' | 'member') =>
  ({ rule: ruleOf(operation), role, inHandler: true }) as const
const strict = { '2.97': querySchema({}, { additionalProperties: false }) } as const

const missing = (id = ''): Error => newNotFound(`Share ${id} could not be found.`)

const list = defineRoute<null>({
  name: 'shares:list',
  method: 'GET',
  path,
  since,
  success: 200,
  policy: policy('index', 'reader'),
  query: strict,
  async handle(request) {
    await findMappedServer(request, ruleOf('index'))
    return { body: { shares: [] } }
  },
})

const show = defineRoute<null>({
  name: 'shares:show',
  method: 'GET',
  path: itemPath,
  since,
  success: 200,
  policy: policy('show', 'reader'),
  query: strict,
  async handle(request) {
    await findMappedServer(request, ruleOf('show'))
    throw missing(request.params['share_id'])
  },
})

const tag = stringSchema({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-]*$' })
const body = objectSchema(
  { share: objectSchema({ share_id: stringSchema({ format: 'uuid' }), tag }, { required: ['share_id'] }) },
  { required: ['share'] },
)

const create = defineRoute<TypeOf<typeof body>>({
  name: 'shares:create',
  method: 'POST',
  path,
  since,
  success: 201,
  policy: policy('create', 'member'),
  body: { '2.97': body },
  async handle(request) {
    await findMappedServer(request, ruleOf('create'))
    throw missing(request.body.share.share_id)
  },
})

const remove = defineRoute<null>({
  name: 'shares:delete',
  method: 'DELETE',
  path: itemPath,
  since,
  success: 200,
  policy: policy('delete', 'member'),
  async handle(request) {
    await findMappedServer(request, ruleOf('delete'))
    throw missing(request.params['share_id'])
  },
})

export const shareRoutes: readonly Route[] = [list, show, create, remove]
