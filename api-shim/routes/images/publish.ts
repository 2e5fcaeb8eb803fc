import { Fault, newBadRequest, newForbidden } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import { type ImageDraft, type ImageSource, imageFor } from '../../images/draft.ts'
import type { QueuedImage } from '../../images/queued.ts'
import { isKubernetesName, newNameFor } from '../../state/names.ts'
import { images } from '../../state/stores.ts'
import type { RouteRequest } from '../route.ts'
import { imageFilesOf } from './find.ts'

type Request = Pick<RouteRequest, 'state' | 'services' | 'caller' | 'log'>

/**
 * How an image can get its bytes besides an upload. With `web-download`, hosts fetch the image from the URL of a web
 * server.
 */
export const IMPORT_METHODS = ['web-download'] as const

/**
 * A public image is visible to everybody, who might take it for one of the cloud's own. So only administrators may
 * publish.
 */
export function checkVisibility({ caller }: Pick<Request, 'caller'>, { visibility }: ImageDraft): void {
  if (visibility === 'public' && !isAdmin(caller))
    throw newForbidden('You are not authorized to complete publicize_image action.')
}

/**
 * Throws the API server's fault for the Image, so that the client hears of a wrong property before it uploads the
 * bytes.
 */
export async function checkDraft(request: Request, { id, namespace, draft }: QueuedImage): Promise<void> {
  checkVisibility(request, draft)
  const { metadata, spec } = imageFor(draft, id, newNameFor('check'), { url: 'http://localhost/' })
  await request.state.write(images).checkCreation({ metadata: { ...metadata, namespace }, spec })
}

/**
 * Throws a 400 if the disk format or the container format is not set, because without a format nobody can read the
 * bytes.
 */
export function checkFormats({ draft: { diskFormat, containerFormat } }: QueuedImage): void {
  const missing = [
    ...(diskFormat === null ? ['disk_format'] : []),
    ...(containerFormat === null ? ['container_format'] : []),
  ]
  if (missing.length === 1) throw newBadRequest(`Property ${missing[0]} must be set prior to saving data.`)
  if (missing.length > 1) throw newBadRequest(`Properties ${missing.join(', ')} must be set prior to saving data.`)
}

/**
 * Creates the Image as the caller. The object gets the image's name if that is free and valid in Kubernetes. The caller
 * must hold the lock of the record.
 */
export async function publishImage(request: Request, queued: QueuedImage, source: ImageSource): Promise<void> {
  const { id, namespace, draft } = queued
  const { name } = draft
  const first = name !== null && isKubernetesName(name) ? name : newNameFor(name ?? 'image')
  const create = async (objectName: string): Promise<void> => {
    const { metadata, spec } = imageFor(draft, id, objectName, source)
    await request.state.write(images).create({ metadata: { ...metadata, namespace }, spec })
  }
  try {
    await create(first)
  } catch (error) {
    if (!(error instanceof Fault) || error.status !== 409) throw error
    await create(newNameFor(name ?? 'image'))
  }
  try {
    await imageFilesOf(request).queued.delete(id)
  } catch (error) {
    request.log.warn({ err: error, image: id }, 'the record of a published image remains for a while')
  }
}
