/** The Compute API's proxy to images (up to 2.35), and to their properties, which it calls metadata (up to 2.38). */
import { Fault, newBadRequest, newForbidden, newNotFound } from '../../http/fault.ts'
import { cutPage, nextLink, pageRequestOf } from '../../http/pages.ts'
import type { ImageDraft } from '../../images/draft.ts'
import { metadataLimit } from '../../state/quotas.ts'
import { getOwn } from '../../validation/get-own.ts'
import type { Query } from '../../validation/request.ts'
import {
  arraySchema,
  objectSchema,
  positiveInteger,
  querySchema,
  repeatedParameter,
  schemaFrom,
  stringSchema,
  type TypeOf,
} from '../../validation/schema.ts'
import { renderComputeImage, renderComputeImageName } from '../../views/compute-images.ts'
import type { GlanceImage } from '../../views/images.ts'
import { defineRoute, type Route, type RouteRequest } from '../route.ts'
import { checkOwner, type Found, findImage, listVisible, renderFound } from './find.ts'
import { deleteImage, draftOf, saveDraft } from './update.ts'

type Request<Body = never> = RouteRequest<Body>

const imagePolicy = { rule: 'os_compute_api:images', role: 'any' } as const
/** The handler refuses other callers after it has found the image, as Glance does for Nova. */
const writing = { role: 'member', inHandler: true } as const

/** Replaces Glance's 404 by one with Nova's text. */
const orNotFound = async <T>(found: Promise<T>): Promise<T> => {
  try {
    return await found
  } catch (error) {
    throw error instanceof Fault && error.status === 404 ? newNotFound('Image not found.') : error
  }
}

const find = (request: Request<unknown>): Promise<Found> => orNotFound(findImage(request))

const filterOf: Readonly<Record<string, string>> = {
  name: 'name',
  server: 'instance_uuid',
  type: 'image_type',
  minRam: 'min_ram',
  minDisk: 'min_disk',
}

function matches(image: GlanceImage, given: Query): boolean {
  return Object.entries(given).every(([name, values]) => {
    const value = values.at(-1) ?? ''
    if (name === 'status') return image.status === value.toLowerCase()
    if (name === 'changes-since') return Date.parse(image.updated_at) >= Date.parse(value)
    const attribute = name.startsWith('property-') ? name.slice('property-'.length) : getOwn(filterOf, name)
    if (attribute === undefined) return true
    const wanted = attribute === 'instance_uuid' ? (value.split('/').at(-1) ?? '') : value
    return String(Reflect.get(image, attribute)) === wanted
  })
}

const number = repeatedParameter(positiveInteger)
const listQuery = querySchema(
  { limit: number, page_size: number, marker: {}, offset: number },
  { patternProperties: { '^': arraySchema(stringSchema()) } },
)

function defineList(path: string, render: typeof renderComputeImage): Route {
  return defineRoute<never>({
    name: `images:GET ${path}`,
    method: 'GET',
    path,
    until: '2.35',
    success: 200,
    policy: imagePolicy,
    query: { '2.1': listQuery },
    async handle(request) {
      const visible = (await listVisible(request)).filter((image) => !image.os_hidden && matches(image, request.query))
      const sorted = visible.toSorted((a, b) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id))
      const page = cutPage(sorted, pageRequestOf(request.query), ({ id }) => id)
      const images = page.items.map((image) => render(image, request.links))
      return { body: { images, ...nextLink('images', page, request.links.self(path.slice(1)), request.query) } }
    },
  })
}

const show = defineRoute<never>({
  name: 'images:GET /images/{image_id}',
  method: 'GET',
  path: '/images/{image_id}',
  until: '2.35',
  success: 200,
  policy: imagePolicy,
  async handle(request) {
    return { body: { image: renderComputeImage(await renderFound(request, await find(request)), request.links) } }
  },
})

const remove = defineRoute<never>({
  name: 'images:DELETE /images/{image_id}',
  method: 'DELETE',
  path: '/images/{image_id}',
  until: '2.35',
  success: 204,
  policy: { ...imagePolicy, ...writing },
  async handle(request) {
    await find(request)
    try {
      request.authorize()
      await orNotFound(deleteImage(request))
    } catch (error) {
      throw error instanceof Fault && error.status === 403
        ? newForbidden('You are not allowed to delete the image.')
        : error
    }
    return {}
  },
})

const metadataPath = '/images/{image_id}/metadata'
const metadata = (keywords: object = {}) =>
  schemaFrom<Readonly<Record<string, string>>>({
    type: 'object',
    patternProperties: { '^[a-zA-Z0-9-_:. ]{1,255}$': { type: 'string', maxLength: 255 } },
    additionalProperties: false,
    ...keywords,
  })
const metadataBody = objectSchema({ metadata: metadata() }, { required: ['metadata'] })
const metaBody = objectSchema({ meta: metadata({ minProperties: 1, maxProperties: 1 }) }, { required: ['meta'] })

type Properties = Readonly<Record<string, string>>

/** Returns all properties. @param change returns the new properties for the newest ones */
async function saveProperties(
  request: Request<unknown>,
  change: (properties: Properties) => Properties,
): Promise<Properties> {
  const found = await find(request)
  const changed = (draft: ImageDraft): ImageDraft => ({ ...draft, properties: change(draft.properties) })
  // As in Nova, a mistake in the request is found before Glance refuses the caller.
  changed(draftOf(found))
  checkWriter(request, found)
  return draftOf(await saveDraft(request, found, changed)).properties
}

function checkWriter(request: Request<unknown>, found: Found): void {
  try {
    request.authorize()
    checkOwner(request, found, 'modify_image')
  } catch {
    throw newForbidden(`Not authorized for image ${request.params['image_id']}.`)
  }
}

function checkItems(properties: Properties, request: Request<unknown>): Properties {
  const keys = Object.keys(properties)
  if (keys.length > metadataLimit(request)) throw newForbidden('Image metadata limit exceeded')
  if (keys.includes('')) throw newBadRequest('Image metadata key cannot be blank')
  return properties
}

const propertiesOf = async (request: Request<unknown>): Promise<Properties> => draftOf(await find(request)).properties

const metadataPolicy = { rule: 'os_compute_api:image-metadata', role: 'any' } as const
const shared = { until: '2.38', success: 200, policy: metadataPolicy } as const
const sharedByWrites = { ...shared, policy: { ...metadataPolicy, ...writing } } as const

const metadataList = defineRoute<never>({
  ...shared,
  name: 'image-metadata:list',
  method: 'GET',
  path: metadataPath,
  handle: async (request) => ({ body: { metadata: await propertiesOf(request) } }),
})

const metadataAdd = defineRoute<TypeOf<typeof metadataBody>>({
  ...sharedByWrites,
  name: 'image-metadata:add',
  method: 'POST',
  path: metadataPath,
  body: { '2.1': metadataBody },
  async handle(request) {
    const { metadata: added } = request.body
    return { body: { metadata: await saveProperties(request, (all) => checkItems({ ...all, ...added }, request)) } }
  },
})

const metadataReplace = defineRoute<TypeOf<typeof metadataBody>>({
  ...sharedByWrites,
  name: 'image-metadata:replace',
  method: 'PUT',
  path: metadataPath,
  body: { '2.1': metadataBody },
  async handle(request) {
    return { body: { metadata: await saveProperties(request, () => checkItems(request.body.metadata, request)) } }
  },
})

const itemPath = `${metadataPath}/{key}`
const keyOf = ({ params }: Request<unknown>): string => params['key'] ?? ''

const itemShow = defineRoute<never>({
  ...shared,
  name: 'image-metadata:show',
  method: 'GET',
  path: itemPath,
  async handle(request) {
    const value = getOwn(await propertiesOf(request), keyOf(request))
    if (value === undefined) throw newNotFound()
    return { body: { meta: { [keyOf(request)]: value } } }
  },
})

const itemSet = defineRoute<TypeOf<typeof metaBody>>({
  ...sharedByWrites,
  name: 'image-metadata:set',
  method: 'PUT',
  path: itemPath,
  body: { '2.1': metaBody },
  async handle(request) {
    const { meta } = request.body
    if (!Object.hasOwn(meta, keyOf(request))) throw newBadRequest('Request body and URI mismatch')
    await saveProperties(request, (all) => checkItems({ ...all, ...meta }, request))
    return { body: { meta } }
  },
})

const itemDelete = defineRoute<never>({
  ...sharedByWrites,
  name: 'image-metadata:delete',
  method: 'DELETE',
  path: itemPath,
  success: 204,
  async handle(request) {
    await saveProperties(request, (all) => {
      const { [keyOf(request)]: _removed, ...others } = all
      if (!Object.hasOwn(all, keyOf(request))) throw newNotFound('Invalid metadata key')
      return others
    })
    return {}
  },
})

export const computeImageRoutes: readonly Route[] = [
  defineList('/images', renderComputeImageName),
  defineList('/images/detail', renderComputeImage),
  show,
  remove,
  metadataList,
  metadataAdd,
  metadataReplace,
  itemShow,
  itemSet,
  itemDelete,
]
