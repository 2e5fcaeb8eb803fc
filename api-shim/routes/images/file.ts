import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { Fault, isRefusal, newConflict, newForbidden, newNotFound } from '../../http/fault.ts'
import { parseRange } from '../../http/range.ts'
import type { ImageBytes } from '../../images/bytes.ts'
import { type DataKey, dataKeyOf, dataUrlOf, isLoopbackUrl } from '../../images/data-url.ts'
import { dataFactsOf, type ImageSource } from '../../images/draft.ts'
import type { QueuedImage } from '../../images/queued.ts'
import { defineRouteOf, type Reply, type RouteRequest } from '../route.ts'
import { checkOwner, findImage, imageFilesOf } from './find.ts'
import { checkFormats, publishImage } from './publish.ts'

const defineImageRoute = defineRouteOf('image')
type Request = RouteRequest<never>

const textOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header

function checkUploadType({ headers }: Request): void {
  const type = textOf(headers['content-type'])?.split(';')[0]?.trim()
  if (type !== 'application/octet-stream')
    throw new Fault(415, 'The body of an upload must have the content type application/octet-stream.', closing)
}

/** The client may still be sending, so the connection cannot be used again. */
const closing = { connection: 'close' }

/** The address of the shim in the URL of the image. Throws a 400 if the hosts could not fetch the image from there. */
function addressForHosts(request: Request): string {
  const address = imageFilesOf(request).address ?? request.links.address
  if (!isLoopbackUrl(address)) return address
  throw new Fault(
    400,
    `The hosts could not fetch the image, because ${address} leads each of them to itself. Give the API shim an address that the hosts reach: --image-url, or apiShim.options.imageUrl of the chart.`,
    closing,
  )
}

async function findForUpload(request: Request): Promise<QueuedImage> {
  const found = await findImage(request)
  checkOwner(request, found, 'upload_image')
  if (found.image) throw newConflict('Image status transition from active to saving is not allowed')
  checkFormats(found.queued)
  return found.queued
}

export const imagesUpload = defineImageRoute<never>({
  name: 'images:upload',
  method: 'PUT',
  path: '/images/{image_id}/file',
  success: 204,
  policy: { rule: 'upload_image', role: 'member' },
  takesStream: true,
  async handle(request) {
    const { bytes } = imageFilesOf(request)
    const { id } = await findForUpload(request)
    checkUploadType(request)
    const address = addressForHosts(request)
    const length = textOf(request.headers['content-length'])
    const announced = length === undefined ? undefined : Number(length)
    const source = request.stream ?? Readable.from([])
    const { key, size, md5, sha512 } = await bytes.receive(id, source, announced)
    try {
      const url = dataUrlOf(address, key)
      await publishNewest(request, id, { url, checksum: `sha512:${sha512}`, facts: { size, md5 } })
    } catch (error) {
      // After any other error, such as a timeout, the Image may exist. If not, the bytes are later removed as orphans.
      if (isRefusal(error)) await bytes.remove(key)
      throw error
    }
    return {}
  },
})

/** Throws a 410 if the image was deleted during the upload. */
async function publishNewest(request: Request, id: string, source: ImageSource): Promise<void> {
  await imageFilesOf(request).queued.withLock(id, async (newest) => {
    if (!newest)
      throw new Fault(
        410,
        `Image ${id} could not be found after upload. The image may have been deleted during the upload, cleaning up the chunks uploaded.`,
      )
    checkFormats(newest)
    await publishImage(request, newest, source)
  })
}

async function replyWithBytes(bytes: ImageBytes, key: DataKey, rangeHeader: string | undefined): Promise<Reply> {
  const opened = await bytes.open(key)
  if (!opened) throw newNotFound('The data of the image are not here.')
  const { file, size } = opened
  const common = {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: `"${key.secret.slice(0, 16)}"`,
  }
  const range = parseRange(rangeHeader, size)
  if (range === 'unsatisfiable') {
    await file.close()
    throw new Fault(416, 'The image has no such bytes.', { 'content-range': `bytes */${size}` })
  }
  const { start, end } = range ?? { start: 0, end: size - 1 }
  return {
    status: range ? 206 : 200,
    headers: {
      ...common,
      'content-length': String(end - start + 1),
      ...(range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
    },
    stream: readPart(file, start, end),
  }
}

/** Both `start` and `end` are included. The file is closed when the stream ends or breaks. */
function readPart(file: FileHandle, start: number, end: number): Readable {
  if (end >= start) return file.createReadStream({ start, end })
  void file.close()
  return Readable.from([])
}

export const imagesDownload = defineImageRoute<never>({
  name: 'images:download',
  method: 'GET',
  path: '/images/{image_id}/file',
  success: 200,
  policy: { rule: 'download_image', role: 'member' },
  async handle(request) {
    const found = await findImage(request)
    // As in Glance, an image without bytes gives an empty answer.
    if (!found.image) return { status: 204 }
    const { spec } = found.image
    const key = dataKeyOf(spec.url)
    // With a redirect, clients would send their token to the other server.
    if (!key) throw newForbidden(`The data of this image are not stored here, but at ${spec.url}`)
    const reply = await replyWithBytes(imageFilesOf(request).bytes, key, textOf(request.headers['range']))
    const md5 = dataFactsOf(found.image)?.md5
    return { ...reply, headers: { ...reply.headers, ...(md5 ? { 'content-md5': md5 } : {}) } }
  },
})

/** For hosts, which have no token: the path contains a secret from the Image's URL. */
export const imagesData = defineImageRoute<never>({
  name: 'images:data',
  method: 'GET',
  path: '/data/{image_id}/{secret}',
  success: 200,
  policy: { rule: 'data', role: 'any' },
  authenticated: false,
  async handle(request) {
    const { image_id: id = '', secret = '' } = request.params
    return replyWithBytes(imageFilesOf(request).bytes, { id, secret }, textOf(request.headers['range']))
  },
})
