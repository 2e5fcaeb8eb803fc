/**
 * Routes that describe the Image API to clients (schemas, import methods, stores). Images have no members, so their
 * member routes are here, too.
 */
import { newForbidden, newNotFound } from '../../http/fault.ts'
import { defineRouteOf, type Route } from '../route.ts'
import { imageSchema } from './attributes.ts'
import { findImage } from './find.ts'
import { IMPORT_METHODS } from './publish.ts'

const defineImageRoute = defineRouteOf('image')

const memberSchema = {
  name: 'member',
  properties: {
    created_at: { type: 'string', description: 'When the project became a member.' },
    image_id: { type: 'string', description: 'The ID of the image.' },
    member_id: { type: 'string', description: 'The ID of the project.' },
    schema: { readOnly: true, type: 'string' },
    status: { type: 'string', enum: ['pending', 'accepted', 'rejected'], description: 'What the project said.' },
    updated_at: { type: 'string', description: 'When the member was last changed.' },
  },
}

const collectionOf = (name: string, item: object): object => ({
  name,
  properties: {
    [name]: { type: 'array', items: item },
    first: { type: 'string' },
    next: { type: 'string' },
    schema: { type: 'string' },
  },
  links: [
    { rel: 'first', href: '{first}' },
    { rel: 'next', href: '{next}' },
    { rel: 'describedby', href: '{schema}' },
  ],
})

const documents: Readonly<Record<string, object>> = {
  '/schemas/image': imageSchema,
  '/schemas/images': collectionOf('images', imageSchema),
  '/schemas/member': memberSchema,
  '/schemas/members': collectionOf('members', memberSchema),
  '/info/import': {
    'import-methods': { description: 'Import methods available.', type: 'array', value: [...IMPORT_METHODS] },
  },
}

const documentRoutes = Object.entries(documents).map(([path, body]) =>
  defineImageRoute<never>({
    name: `images:${path.slice(1)}`,
    method: 'GET',
    path,
    success: 200,
    policy: { rule: 'get_schema', role: 'any' },
    handle: async () => ({ body }),
  }),
)

const stores = defineImageRoute<never>({
  name: 'images:info/stores',
  method: 'GET',
  path: '/info/stores',
  success: 200,
  policy: { rule: 'get_stores', role: 'any' },
  async handle() {
    throw newNotFound('Multi backend is not supported at this site.')
  },
})

const membersPath = '/images/{image_id}/members'

const membersList = defineImageRoute<never>({
  name: 'images:list-members',
  method: 'GET',
  path: membersPath,
  success: 200,
  policy: { rule: 'get_members', role: 'reader' },
  async handle(request) {
    await findImage(request)
    return { body: { members: [], schema: '/v2/schemas/members' } }
  },
})

const membersAdd = defineImageRoute({
  name: 'images:add-member',
  method: 'POST',
  path: membersPath,
  success: 200,
  policy: { rule: 'add_member', role: 'member' },
  async handle(request) {
    await findImage(request)
    throw newForbidden('Images cannot be shared with single projects here: an administrator can make the image public.')
  },
})

export const documentAndMemberRoutes: readonly Route[] = [...documentRoutes, stores, membersList, membersAdd]
