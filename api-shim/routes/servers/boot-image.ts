/** The image of a new server. */
import type { Flavor, Image } from '../../../crds/index.ts'
import { newBadRequest } from '../../http/fault.ts'
import { images, imagesById } from '../../state/stores.ts'
import { statusOfImage } from '../../views/images.ts'
import type { RouteRequest } from '../route.ts'
import type { CreateServerBody } from './create-schema.ts'

type ImageRequest = Pick<RouteRequest, 'state' | 'services'>
type Request = ImageRequest & Pick<RouteRequest<CreateServerBody>, 'body'>

/** Throws Nova's 400 if the image does not exist, or if servers cannot boot from it. */
export async function findBootImage(request: Request): Promise<Image> {
  const id = request.body.server.imageRef?.toLowerCase()
  if (!id) throw newBadRequest('Missing imageRef attribute')
  const image = await findActiveImage(id, request)
  if (!image) throw newBadRequest('Can not find requested image')
  return image
}

/** Returns undefined if there is no such image. Throws Nova's 400 if it has no data, or is not usable. */
export async function findActiveImage(id: string, request: ImageRequest): Promise<Image | undefined> {
  const [image] = (await request.state.read(images)).find(imagesById, id)
  if (image ? statusOfImage(image) !== 'active' : await isQueued(id, request))
    throw newBadRequest(`Image ${id} is not active.`)
  return image
}

/** Whether an image of the project waits for its bytes. */
async function isQueued(id: string, { state, services }: ImageRequest): Promise<boolean> {
  const queued = await services.imageFiles?.queued.get(id)
  return queued?.namespace === state.namespace
}

/** Throws Nova's 400 if the image needs a larger flavor. */
export function checkSizes({ spec: { ram, disk } }: Flavor, { spec: { minRam, minDisk } }: Image): void {
  if (ram < minRam) throw newBadRequest("Flavor's memory is too small for requested image.")
  if (disk > 0 && disk < minDisk)
    throw newBadRequest(
      `Flavor's disk is too small for requested image. Flavor disk is ${disk} GiB, minimum size is ${minDisk} GiB.`,
    )
}
