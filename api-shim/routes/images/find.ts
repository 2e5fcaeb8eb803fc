import type { Image } from '../../../crds/index.ts'
import { Fault, newForbidden, newNotFound } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import type { ImageFiles } from '../../images/files.ts'
import type { QueuedImage } from '../../images/queued.ts'
import { imageIdOf, images, imagesById } from '../../state/stores.ts'
import { type GlanceImage, type ImageViewContext, renderImage, renderQueuedImage } from '../../views/images.ts'
import type { RouteRequest } from '../route.ts'

type Request = Pick<RouteRequest, 'state' | 'services' | 'caller' | 'params'>

/** An Image if there are bytes, otherwise a record on the shim's volume. */
export type Found = { image: Image; queued?: undefined } | { image?: undefined; queued: QueuedImage }

export const imageViewOf = ({ state }: Pick<Request, 'state'>): ImageViewContext => ({
  projectIdOf: (namespace) => state.shared.projectOf(namespace).id,
})

/** Throws a 501 if the operator has given the shim no volume for images. */
export function imageFilesOf({ services }: Pick<Request, 'services'>): ImageFiles {
  if (services.imageFiles) return services.imageFiles
  throw new Fault(
    501,
    'This cloud takes no uploads: the API shim has no --image-dir (apiShim.images.enabled of the chart). Create an Image with a URL.',
  )
}

/** Throws a 404 if there is no such image or the caller cannot see it. */
export async function findImage(request: Request): Promise<Found> {
  const id = request.params['image_id'] ?? ''
  const [image] = oldestFirst((await request.state.read(images)).find(imagesById, id))
  if (image) return { image }
  const queued = await request.services.imageFiles?.queued.get(id)
  if (queued && isOwnOrAdmin(request, queued.namespace)) return { queued }
  throw newNotFound(`No image found with ID ${id}`)
}

/** Users choose spec.uuid. If two Images have the same, the oldest one keeps it. */
const oldestFirst = (found: readonly Image[]): Image[] => found.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)))
const timeOf = ({ metadata }: Image): string => metadata.creationTimestamp ?? ''

const isOwnOrAdmin = ({ state, caller }: Pick<Request, 'state' | 'caller'>, namespace: string | undefined): boolean =>
  isAdmin(caller) || namespace === state.namespace

/** Throws a 403 if the image belongs to another project. @param action Glance's name of the rule: `modify_image` */
export function checkOwner(request: Pick<Request, 'state' | 'caller'>, { image, queued }: Found, action: string): void {
  const namespace = image ? image.metadata.namespace : queued.namespace
  if (!isOwnOrAdmin(request, namespace)) throw newForbidden(`You are not authorized to complete ${action} action.`)
}

export async function renderFound(request: Pick<Request, 'state' | 'services'>, found: Found): Promise<GlanceImage> {
  if (found.image) return renderImage(found.image, imageViewOf(request))
  const isSaving = await imageFilesOf(request).bytes.isReceiving(found.queued.id)
  return renderQueuedImage(found.queued, imageViewOf(request), isSaving)
}

export async function listVisible(request: Pick<Request, 'state' | 'services' | 'caller'>): Promise<GlanceImage[]> {
  const { state, services, caller } = request
  const reader = await state.read(images)
  const active = isAdmin(caller) ? reader.listAllProjects() : reader.list()
  const known = new Set(active.map(imageIdOf))
  const queued = (await services.imageFiles?.queued.list()) ?? []
  const own = queued.filter(({ id, namespace }) => isOwnOrAdmin(request, namespace) && !known.has(id))
  const waiting = await Promise.all(own.map((record) => renderFound(request, { queued: record })))
  return [...active.map((image) => renderImage(image, imageViewOf(request))), ...waiting]
}
