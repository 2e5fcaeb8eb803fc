import type { Server } from '../../../crds/index.ts'
import { newBadRequest, newForbidden, newNotFound } from '../../http/fault.ts'
import { metadataLimit } from '../../state/quotas.ts'
import { noParameters } from '../../validation/parameters.ts'
import { objectSchema, schemaFrom, type TypeOf } from '../../validation/schema.ts'
import { defineRoute, type Route, type RouteRequest } from '../route.ts'
import { checkState } from '../servers/action-state.ts'
import { findServer } from '../servers/find.ts'
import { metadata } from '../servers/parameters.ts'
import { patchServer } from '../servers/patch.ts'

const path = '/servers/{server_id}/metadata'
const itemPath = `${path}/{key}`

const rule = (operation: string, role: 'reader' | 'member') =>
  ({ rule: `os_compute_api:server-metadata:${operation}`, role, inHandler: true }) as const

async function findAllowed(request: RouteRequest): Promise<Server> {
  const server = await findServer(request)
  request.authorize()
  return server
}

const itemMissing = (): Error => newNotFound('Metadata item was not found')

/** Throws a 409 unless the metadata of the server may change now. Nova allows it while a task runs. */
function checkChangeable(name: string, server: Server, request: RouteRequest): void {
  const from = ['active', 'paused', 'suspended', 'stopped'] as const
  checkState(server, { name, from, whileBusy: true }, request)
}

/** Throws a 403 if the project may not give a server so many pairs. */
function checkCount(pairs: Record<string, string>, request: RouteRequest): Record<string, string> {
  const limit = metadataLimit(request)
  if (Object.keys(pairs).length > limit) throw newForbidden(`Maximum number of metadata items exceeds ${limit}`)
  return pairs
}

async function write(
  server: Server,
  next: (present: Record<string, string>) => Record<string, string>,
  request: RouteRequest,
): Promise<Record<string, string>> {
  let written: Record<string, string> = {}
  const change = ({ spec }: Server): object => {
    written = next({ ...spec.metadata })
    const removed = Object.keys(spec.metadata ?? {}).filter((key) => !Object.hasOwn(written, key))
    return { metadata: { ...written, ...Object.fromEntries(removed.map((key) => [key, null])) } }
  }
  await patchServer(server, change, request)
  return written
}

const list = defineRoute<null>({
  name: 'server-metadata:list',
  method: 'GET',
  path,
  success: 200,
  policy: rule('index', 'reader'),
  query: noParameters,
  handle: async (request) => ({ body: { metadata: { ...(await findAllowed(request)).spec.metadata } } }),
})

const show = defineRoute<null>({
  name: 'server-metadata:show',
  method: 'GET',
  path: itemPath,
  success: 200,
  policy: rule('show', 'reader'),
  query: noParameters,
  async handle(request) {
    const { key = '' } = request.params
    const { metadata: pairs = {} } = (await findAllowed(request)).spec
    if (!Object.hasOwn(pairs, key)) throw itemMissing()
    return { body: { meta: { [key]: pairs[key] } } }
  },
})

const allBody = objectSchema({ metadata }, { required: ['metadata'] })
type AllBody = TypeOf<typeof allBody>

const create = defineRoute<AllBody>({
  name: 'server-metadata:create',
  method: 'POST',
  path,
  success: 200,
  policy: rule('create', 'member'),
  body: { '2.1': allBody },
  async handle(request) {
    const server = await findAllowed(request)
    checkChangeable('update metadata', server, request)
    const { metadata: added } = request.body
    const written = await write(server, (present) => checkCount({ ...present, ...added }, request), request)
    return { body: { metadata: written } }
  },
})

const replace = defineRoute<AllBody>({
  name: 'server-metadata:update-all',
  method: 'PUT',
  path,
  success: 200,
  policy: rule('update_all', 'member'),
  body: { '2.1': allBody },
  async handle(request) {
    const server = await findAllowed(request)
    checkChangeable('update metadata', server, request)
    return { body: { metadata: await write(server, () => checkCount(request.body.metadata, request), request) } }
  },
})

const itemBody = objectSchema(
  {
    meta: schemaFrom<Record<string, string>>({ ...metadata, minProperties: 1, maxProperties: 1 }),
  },
  { required: ['meta'] },
)

const update = defineRoute<TypeOf<typeof itemBody>>({
  name: 'server-metadata:update',
  method: 'PUT',
  path: itemPath,
  success: 200,
  policy: rule('update', 'member'),
  body: { '2.1': itemBody },
  async handle(request) {
    const { meta } = request.body
    const server = await findAllowed(request)
    if (!Object.hasOwn(meta, request.params['key'] ?? '')) throw newBadRequest('Request body and URI mismatch')
    checkChangeable('update metadata', server, request)
    await write(server, (present) => checkCount({ ...present, ...meta }, request), request)
    return { body: { meta } }
  },
})

const remove = defineRoute<null>({
  name: 'server-metadata:delete',
  method: 'DELETE',
  path: itemPath,
  success: 204,
  policy: rule('delete', 'member'),
  async handle(request) {
    const { key = '' } = request.params
    const server = await findAllowed(request)
    if (!Object.hasOwn(server.spec.metadata ?? {}, key)) throw itemMissing()
    checkChangeable('delete metadata', server, request)
    await write(server, ({ [key]: _removed, ...kept }) => kept, request)
    return {}
  },
})

export const serverMetadataRoutes: readonly Route[] = [list, show, create, replace, update, remove]
