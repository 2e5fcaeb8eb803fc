/** /servers/{server_id}/tags: the tags of a server, which may change while the server is locked. */
import type { Server } from '../../../crds/index.ts'
import { newBadRequest, newConflict, newNotFound } from '../../http/fault.ts'
import { uuidOf } from '../../state/stores.ts'
import { ignoredParameters } from '../../validation/parameters.ts'
import { objectSchema, schemaFrom, type TypeOf } from '../../validation/schema.ts'
import { findProblem } from '../../validation/validate.ts'
import { vmStateOf } from '../../views/server-status.ts'
import { defineRoute, type Route, type RouteRequest } from '../route.ts'
import { findMappedServer } from '../servers/find-mapped.ts'
import { tag } from '../servers/parameters.ts'
import { patchServer } from '../servers/patch.ts'

const since = '2.26'
const MAX_TAGS = 50
const path = '/servers/{server_id}/tags'
const itemPath = `${path}/{tag}`

const ruleOf = (operation: string): string => `os_compute_api:os-server-tags:${operation}`
const policy = (operation: string, role: 'reader' | 'member') =>
  ({ rule: ruleOf(operation), role, inHandler: true }) as const

const tagsOf = ({ spec }: Server): string[] => [...(spec.tags ?? [])]

/**
 * The server of the path. Throws a 409 if its tags may not change now.
 * @param action Nova's name of the change, for the 409
 */
async function findChangeable(request: RouteRequest, operation: string, action: string): Promise<Server> {
  const server = await findMappedServer(request, ruleOf(operation))
  const vmState = vmStateOf(server)
  if (!['active', 'paused', 'suspended', 'stopped'].includes(vmState))
    throw newConflict(`Cannot '${action}' instance ${uuidOf(server)} while it is in vm_state ${vmState}`)
  return server
}

const list = defineRoute<null>({
  name: 'server-tags:list',
  method: 'GET',
  path,
  since,
  success: 200,
  policy: policy('index', 'reader'),
  query: ignoredParameters,
  handle: async (request) => ({ body: { tags: tagsOf(await findMappedServer(request, ruleOf('index'))) } }),
})

const show = defineRoute<null>({
  name: 'server-tags:show',
  method: 'GET',
  path: itemPath,
  since,
  success: 204,
  policy: policy('show', 'reader'),
  query: ignoredParameters,
  async handle(request) {
    const { tag: name = '' } = request.params
    const server = await findMappedServer(request, ruleOf('show'))
    if (!tagsOf(server).includes(name)) throw newNotFound(`Server ${uuidOf(server)} has no tag '${name}'`)
    return {}
  },
})

const allBody = objectSchema(
  { tags: schemaFrom<string[]>({ type: 'array', items: tag, maxItems: MAX_TAGS }) },
  { required: ['tags'] },
)

const replace = defineRoute<TypeOf<typeof allBody>>({
  name: 'server-tags:update-all',
  method: 'PUT',
  path,
  since,
  success: 200,
  policy: policy('update_all', 'member'),
  body: { '2.26': allBody },
  async handle(request) {
    const server = await findChangeable(request, 'update_all', 'update tags')
    const tags = [...new Set(request.body.tags)].toSorted()
    await patchServer(server, () => ({ tags }), request)
    return { body: { tags } }
  },
})

function checkTag(name: string): void {
  const problem = findProblem(tag, name)
  if (!problem) return
  throw newBadRequest(
    `Tag '${name}' is invalid. It must be a non empty string without characters '/' and ','. ` +
      `Validation error message: ${problem.message}`,
  )
}

/** Node.js sends each character of a header as one byte, so each byte of the UTF-8 text becomes one character. */
const toHeader = (text: string): string =>
  Buffer.from(text.replaceAll(/\p{Cc}/gu, encodeURIComponent), 'utf8').toString('latin1')

const add = defineRoute<null>({
  name: 'server-tags:update',
  method: 'PUT',
  path: itemPath,
  since,
  success: 201,
  policy: policy('update', 'member'),
  body: { '2.26': schemaFrom({ type: 'null' }) },
  async handle(request) {
    const { tag: name = '', server_id: id = '' } = request.params
    // Nova decodes the path before it looks for the route, so an encoded slash leads to a path that does not exist.
    if (name.includes('/')) throw newNotFound()
    const server = await findChangeable(request, 'update', 'update tag')
    checkTag(name)
    const tags = tagsOf(server)
    if (tags.length >= MAX_TAGS) throw newBadRequest(`The number of tags exceeded the per-server limit ${MAX_TAGS}`)
    if (tags.includes(name)) return { status: 204 }
    await patchServer(server, (newest) => ({ tags: [...new Set([...tagsOf(newest), name])].toSorted() }), request)
    const headers = { 'content-type': 'text/html; charset=UTF-8' }
    return { headers: { ...headers, location: toHeader(request.links.self('servers', id, 'tags', name)) } }
  },
})

const remove = defineRoute<null>({
  name: 'server-tags:delete',
  method: 'DELETE',
  path: itemPath,
  since,
  success: 204,
  policy: policy('delete', 'member'),
  async handle(request) {
    const { tag: name = '' } = request.params
    const server = await findChangeable(request, 'delete', 'delete tag')
    if (!tagsOf(server).includes(name)) throw newNotFound(`Instance ${uuidOf(server)} has no tag '${name}'`)
    await patchServer(server, (newest) => ({ tags: tagsOf(newest).filter((other) => other !== name) }), request)
    return {}
  },
})

const removeAll = defineRoute<null>({
  name: 'server-tags:delete-all',
  method: 'DELETE',
  path,
  since,
  success: 204,
  policy: policy('delete_all', 'member'),
  async handle(request) {
    const server = await findChangeable(request, 'delete_all', 'delete tags')
    await patchServer(server, () => ({ tags: [] }), request)
    return {}
  },
})

export const serverTagRoutes: readonly Route[] = [list, show, replace, add, remove, removeAll]
