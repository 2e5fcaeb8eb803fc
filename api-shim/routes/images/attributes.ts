import { diskFormats } from '../../../crds/kinds/image.ts'
import { Fault, newBadRequest, newForbidden } from '../../http/fault.ts'
import type { DiskFormat, ImageDraft } from '../../images/draft.ts'
import { pythonRepr, pythonStr } from '../../validation/python.ts'
import { type Schema, schemaFrom } from '../../validation/schema.ts'
import { findProblem } from '../../validation/validate.ts'

const text = (description: string, more: object = {}): Schema => schemaFrom({ type: 'string', description, ...more })
const optional = (description: string, more: object = {}): Schema =>
  schemaFrom({ type: ['null', 'string'], description, ...more })
const readOnly = { readOnly: true }

/** Attributes without `readOnly` can be set. */
export const attributes: Readonly<Record<string, Schema>> = {
  id: text('The ID of the image.', {
    pattern: '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$',
  }),
  name: optional('A name, which need not be unique.', { maxLength: 255 }),
  status: text('The state of the image.', { ...readOnly, enum: ['queued', 'saving', 'active', 'deactivated'] }),
  visibility: text('Who can use the image.', { enum: ['community', 'public', 'private', 'shared'] }),
  protected: schemaFrom({ type: 'boolean', description: 'true: the image cannot be deleted.' }),
  os_hidden: schemaFrom({ type: 'boolean', description: 'true: only lists that ask for hidden images contain it.' }),
  checksum: optional('The MD5 of the data.', { ...readOnly, maxLength: 32 }),
  os_hash_algo: optional('The algorithm of os_hash_value.', { ...readOnly, maxLength: 64 }),
  os_hash_value: optional('The hash of the data, in hexadecimal.', { ...readOnly, maxLength: 128 }),
  owner: optional('The project that owns the image.', { maxLength: 255 }),
  size: schemaFrom({ type: ['null', 'integer'], description: 'Bytes of the data.', ...readOnly }),
  virtual_size: schemaFrom({ type: ['null', 'integer'], description: 'Bytes of the disk in the data.', ...readOnly }),
  container_format: optional('The format around the disk.', { enum: [null, 'bare'] }),
  disk_format: optional('The format of the disk.', { enum: [null, ...diskFormats] }),
  created_at: text('When the image was created.', readOnly),
  updated_at: text('When the image was last changed.', readOnly),
  tags: schemaFrom({ type: 'array', description: 'Words of the owner.', items: { type: 'string', maxLength: 255 } }),
  min_ram: schemaFrom({ type: 'integer', description: 'MiB of memory that a server needs at least.' }),
  min_disk: schemaFrom({ type: 'integer', description: 'GiB of root disk that a server needs at least.' }),
  self: text('The path of the image.', readOnly),
  file: text('The path of the data.', readOnly),
  schema: text('The path of this schema.', readOnly),
}

export const imageSchema: Schema = schemaFrom({
  name: 'image',
  properties: attributes,
  additionalProperties: { type: ['null', 'string'] },
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
})

/** Throws a 400 if the object does not fit the schema of images. */
export function checkAttributes(value: unknown): asserts value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw newBadRequest(`Provided object does not match schema 'image': ${pythonRepr(value)} is not of type 'object'`)
  const problem = findProblem(imageSchema, value)
  if (problem) throw newBadRequest(`Provided object does not match schema 'image': ${problem.message}`)
}

export const isReadOnly = (name: string): boolean => attributes[name]?.['readOnly'] === true || name === 'id'
export const isAttribute = (name: string): boolean => Object.hasOwn(attributes, name)

/** Names that Glance keeps for itself. */
export function checkNotReserved(name: string): void {
  if (['location', 'deleted', 'deleted_at'].includes(name) || name.startsWith('os_glance'))
    throw newForbidden(`Attribute '${name}' is reserved.`)
}

export const newDraft: ImageDraft = {
  name: null,
  visibility: 'shared',
  isProtected: false,
  isHidden: false,
  minDisk: 0,
  minRam: 0,
  tags: [],
  diskFormat: null,
  containerFormat: null,
  properties: {},
}

const setters: Readonly<Record<string, (value: never) => Partial<ImageDraft>>> = {
  name: (name: string | null) => ({ name }),
  visibility: (visibility: ImageDraft['visibility'] | 'community') => {
    if (visibility === 'community')
      throw newBadRequest('visibility community is not supported here: make the image public or private.')
    return { visibility }
  },
  protected: (isProtected: boolean) => ({ isProtected }),
  os_hidden: (isHidden: boolean) => ({ isHidden }),
  min_disk: (minDisk: number) => ({ minDisk: notNegative(minDisk, 'min_disk') }),
  min_ram: (minRam: number) => ({ minRam: notNegative(minRam, 'min_ram') }),
  tags: (tags: string[]) => ({ tags: [...new Set(tags)] }),
  disk_format: (diskFormat: DiskFormat | null) => ({ diskFormat }),
  container_format: (containerFormat: 'bare' | null) => ({ containerFormat }),
}

function notNegative(value: number, name: string): number {
  if (value < 0) throw newBadRequest(`Invalid value '${value}' for parameter '${name}': Cannot be a negative value`)
  return value
}

/** The most properties of an image: Glance's default, and the limit of the Image kind. */
const MAX_PROPERTIES = 128

/**
 * Throws a 413 if an image would have too many properties. Callers check this before they add properties, because each
 * further property takes longer to add.
 */
export function checkPropertyCount(count: number): void {
  if (count <= MAX_PROPERTIES) return
  const limit = 'The limit has been exceeded on the number of allowed image properties.'
  throw new Fault(413, `${limit} Attempted: ${count}, Maximum: ${MAX_PROPERTIES}`)
}

/** A value of null removes a property. */
export function withValue(draft: ImageDraft, name: string, value: unknown): ImageDraft {
  const set = Object.hasOwn(setters, name) ? setters[name] : undefined
  if (set) return { ...draft, ...set(value as never) }
  const { [name]: _old, ...others } = draft.properties
  if (value === null) return { ...draft, properties: others }
  checkPropertyCount(Object.keys(others).length + 1)
  return { ...draft, properties: { ...others, [name]: pythonStr(value) } }
}

/** Removes a property. Not for attributes: json-patch.ts refuses to remove one. */
export const withoutValue = (draft: ImageDraft, name: string): ImageDraft => withValue(draft, name, null)
