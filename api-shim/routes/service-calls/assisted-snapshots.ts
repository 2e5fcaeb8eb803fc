/** /os-assisted-volume-snapshots, which volume services call. Servers have no volumes here, so each call gets a 400. */
import { newBadRequest } from '../../http/fault.ts'
import { pythonStr } from '../../validation/python.ts'
import {
  objectSchema,
  oneOf,
  querySchema,
  repeatedParameter,
  stringSchema,
  type TypeOf,
} from '../../validation/schema.ts'
import { defineRoute } from '../route.ts'
import { authorizeService } from './authorize.ts'

const policy = (operation: string) =>
  ({ rule: `os_compute_api:os-assisted-volume-snapshots:${operation}`, role: 'service', inHandler: true }) as const

const text = stringSchema({ minLength: 1 })
const info = objectSchema(
  { snapshot_id: text, type: oneOf(['qcow2'], { type: 'string' }), new_file: text, id: text },
  { required: ['snapshot_id', 'type', 'new_file'] },
)
const body = objectSchema(
  { snapshot: objectSchema({ volume_id: text, create_info: info }, { required: ['volume_id', 'create_info'] }) },
  { required: ['snapshot'] },
)

const unknownVolume = (id: string): Error => newBadRequest(`No volume Block Device Mapping with id ${id}.`)

export const assistedSnapshotsCreate = defineRoute<TypeOf<typeof body>>({
  name: 'assisted-volume-snapshots:create',
  method: 'POST',
  path: '/os-assisted-volume-snapshots',
  success: 200,
  policy: policy('create'),
  body: { '2.1': body },
  async handle(request) {
    authorizeService(request)
    throw unknownVolume(request.body.snapshot.volume_id)
  },
})

const parameters = { delete_info: repeatedParameter(stringSchema()) }

export const assistedSnapshotsDelete = defineRoute<null>({
  name: 'assisted-volume-snapshots:delete',
  method: 'DELETE',
  path: '/os-assisted-volume-snapshots/{snapshot_id}',
  success: 204,
  policy: policy('delete'),
  query: { '2.1': querySchema(parameters), '2.75': querySchema(parameters, { additionalProperties: false }) },
  async handle(request) {
    authorizeService(request)
    const [given] = request.query['delete_info']?.slice(-1) ?? []
    if (given === undefined) throw newBadRequest("'delete_info'")
    throw unknownVolume(volumeOf(given))
  },
})

/** The messages are those of Python's JSON parser, which Nova passes on. */
function volumeOf(text: string): string {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw newBadRequest('Expecting value: line 1 column 1 (char 0)')
  }
  const id = (parsed as { volume_id?: unknown } | null)?.volume_id
  if (id === undefined) throw newBadRequest("'volume_id'")
  return pythonStr(id)
}
