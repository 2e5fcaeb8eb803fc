import { newBadRequest, newConflict } from '../../http/fault.ts'
import { pythonStr } from '../../validation/python.ts'
import { defineRouteOf, type RouteRequest } from '../route.ts'
import { checkOwner, findImage, imageFilesOf } from './find.ts'
import { checkFormats, IMPORT_METHODS, publishImage } from './publish.ts'

const defineImageRoute = defineRouteOf('image')

function uriOf(body: unknown): string {
  const method = memberOf(body, 'method')
  if (method === undefined) throw newBadRequest("Import request requires a 'method' field.")
  const name = memberOf(method, 'name')
  if (name === undefined) throw newBadRequest("Import request requires a 'name' field.")
  if (!(IMPORT_METHODS as readonly unknown[]).includes(name))
    throw newBadRequest(`Unknown import method name '${pythonStr(name)}'.`)
  const uri = memberOf(method, 'uri')
  if (typeof uri !== 'string' || !/^https?:\/\//.test(uri))
    throw newBadRequest(`URI for web-download does not pass filtering: ${pythonStr(uri)}`)
  return uri
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

export const imagesImport = defineImageRoute({
  name: 'images:import',
  method: 'POST',
  path: '/images/{image_id}/import',
  success: 202,
  policy: { rule: 'modify_image', role: 'member' },
  async handle(request: RouteRequest) {
    const url = uriOf(request.body)
    const found = await findImage(request)
    checkOwner(request, found, 'modify_image')
    if (found.image) throw newConflict('Image with status active cannot be target for import')
    const { bytes, queued } = imageFilesOf(request)
    await queued.withLock(found.queued.id, async (newest) => {
      if (!newest || (await bytes.isReceiving(newest.id)))
        throw newConflict("Image needs to be in 'queued' state to use 'web-download' method")
      checkFormats(newest)
      await publishImage(request, newest, { url })
    })
    return {}
  },
})
