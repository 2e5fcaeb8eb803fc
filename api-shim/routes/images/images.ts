/** Glance's API v2 for reading: /images and /images/{image_id}. */
import type { Image } from '../../../crds/index.ts'
import { badRequest, notFound } from '../../http/fault.ts'
import { cutPage, pageRequestOf, sortItems } from '../../http/pages.ts'
import { displayNameOf } from '../../state/names.ts'
import { images, imagesById } from '../../state/stores.ts'
import { type ImageViewContext, renderImage } from '../../views/images.ts'
import { defineRouteOf, type RouteRequest } from '../route.ts'

const defineImageRoute = defineRouteOf('image')
type Request = RouteRequest<never>

const viewOf = ({ state }: Pick<Request, 'state'>): ImageViewContext => ({
  projectIdOf: ({ metadata }) => state.shared.projectOf(metadata.namespace ?? '').id,
})

/** Parameters that do not name a property of the image. */
const notFilters = new Set([
  'limit',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'os_hidden',
  'member_status',
  'owner',
  'tag',
])

/** Whether the image has the values that the query asks for. `in:a,b` means one of several values. */
function matches(rendered: object, { query }: Request): boolean {
  return Object.entries(query).every(([name, values]) => {
    if (notFilters.has(name)) return true
    const wanted = values.flatMap((value) => (value.startsWith('in:') ? value.slice(3).split(',') : [value]))
    const actual: unknown = Reflect.get(rendered, name)
    return wanted.some((value) => String(actual) === value || (name === 'visibility' && value === 'all'))
  })
}

const idOf = ({ metadata }: Image): string => metadata.uid ?? ''

export const imagesList = defineImageRoute<never>({
  name: 'images:list',
  method: 'GET',
  path: '/images',
  success: 200,
  policy: { rule: 'get_images', role: 'reader' },
  async handle(request) {
    if (request.query['limit']?.some((text) => !/^\d+$/.test(text))) throw badRequest('limit param must be an integer')
    const view = viewOf(request)
    const hidesAll = request.query['os_hidden']?.at(-1)?.toLowerCase() === 'true'
    const all = hidesAll ? [] : (await request.state.read(images)).list()
    const found = all.filter((image) => matches(renderImage(image, view), request))
    const sorted = sortItems(found, [
      { valueOf: ({ metadata }) => metadata.creationTimestamp, descending: true },
      { valueOf: displayNameOf, descending: true },
    ])
    const page = cutPage(sorted, pageRequestOf(request.query), idOf)
    return {
      body: {
        images: page.items.map((image) => renderImage(image, view)),
        first: '/v2/images',
        schema: '/v2/schemas/images',
        ...(page.next === undefined ? {} : { next: `/v2/images?marker=${page.next}` }),
      },
    }
  },
})

export const imagesShow = defineImageRoute<never>({
  name: 'images:show',
  method: 'GET',
  path: '/images/{image_id}',
  success: 200,
  policy: { rule: 'get_image', role: 'reader' },
  async handle(request) {
    const id = request.params['image_id'] ?? ''
    const [image] = (await request.state.read(images)).find(imagesById, id)
    if (!image) throw notFound(`No image found with ID ${id}`)
    return { body: renderImage(image, viewOf(request)) }
  },
})
