import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { Value } from 'typebox/value'
import { initialStatusOf, type Kind } from '../../crds/index.ts'
import { ApiError, type Status } from '../../kube/errors.ts'
import type { ResourceDef } from '../../kube/types.ts'
import {
  changedFields,
  type Fields,
  fieldsOf,
  type Json,
  mergeValues,
  type Path,
  pathToText,
  removeField,
  type Schema,
  unknownField,
  valueAt,
  withDefaults,
} from './fields.ts'
import { isDeepEqual } from './values.ts'

export interface Meta {
  [key: string]: Json | undefined
  name: string
  namespace?: string
  uid: string
  resourceVersion: string
  generation: number
  deletionTimestamp?: string
  finalizers?: string[]
}
export interface Obj {
  [key: string]: unknown
  apiVersion: string
  kind: string
  metadata: Meta
}

export interface Manager {
  name: string
  operation: 'Apply' | 'Update'
  subresource: string
  fields: Fields
}

export interface Stored {
  object: Obj
  managers: readonly Manager[]
}

export interface KindFacts {
  def: ResourceDef
  schema: Schema
  kind: Kind | undefined
  hasStatus: boolean
}

const metadataSchema: Schema = {
  properties: {
    finalizers: { 'x-kubernetes-list-type': 'set' },
    ownerReferences: {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
      items: { 'x-kubernetes-map-type': 'atomic' },
    },
  },
}

/**
 * @param kind undefined for a built-in kind of Kubernetes. Any field is then accepted, and a write replaces lists as a
 * whole
 */
export function kindFactsOf(def: ResourceDef, kind: Kind | undefined): KindFacts {
  const [spec, status] = [kind?.spec, kind?.status] as unknown as [Schema | undefined, Schema | undefined]
  const withInitial = kind && status ? { status: { ...status, default: initialStatusOf(kind) as Json } } : {}
  const properties = { metadata: metadataSchema, ...(spec ? { spec } : {}), ...withInitial }
  return { def, schema: { properties }, kind, hasStatus: kind !== undefined && kind.statusSubresource !== false }
}

export const newApiError = (
  status: number,
  reason: string,
  message: string,
  details: Status['details'] = {},
): ApiError => new ApiError({ request: 'fake', status, body: { reason, message, code: status, details } })

/** Metadata fields that no field manager owns. */
const systemFields = ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'generateName']
const unowned = new Set([...systemFields, 'deletionTimestamp', 'deletionGracePeriodSeconds', 'managedFields'])

const asJson = (object: object): Json => object as Json

/**
 * The part of an object that a request may write. For the subresource `status` this is the status, else everything but
 * the status, or everything if the kind has no status subresource.
 */
export function managedPartOf(object: object, { hasStatus }: KindFacts, subresource: string): Json {
  const { apiVersion: _, kind: __, metadata, status, ...rest } = object as Record<string, Json>
  if (subresource === 'status') return status === undefined ? {} : { status }
  const meta = Object.entries((metadata ?? {}) as Record<string, Json>).filter(([name]) => !unowned.has(name))
  return {
    ...rest,
    ...(meta.length > 0 ? { metadata: Object.fromEntries(meta) } : {}),
    ...(status === undefined || hasStatus ? {} : { status }),
  }
}

const isSameManager = (a: Manager, b: Omit<Manager, 'fields'>): boolean =>
  a.name === b.name && a.operation === b.operation && a.subresource === b.subresource

/** Returns `fields` itself if it contains none of `removed`. */
function withoutFields(fields: Fields, removed: Fields): Fields {
  for (const text of removed.keys())
    if (fields.has(text)) return new Map([...fields].filter(([other]) => !removed.has(other)))
  return fields
}

const validators = new WeakMap<object, Validator>()

function isValid(schema: TSchema, value: unknown): boolean {
  const validator = validators.get(schema) ?? Compile(schema)
  validators.set(schema, validator)
  return validator.Check(value)
}

/**
 * Skips a spec or status that is identical (===) to the one in `before`, because it was already checked.
 * @throws ApiError 422 if the schema rejects the spec or the status
 */
export function validateObject(object: Obj, { kind, def }: KindFacts, before?: Obj): Obj {
  if (!kind) return object
  for (const part of ['spec', 'status'] as const) {
    if (part === 'status' && object[part] === undefined) continue
    if (before && object[part] === before[part]) continue
    if (object[part] !== null && isValid(kind[part], object[part])) continue
    if (object[part] === null) throw newApiError(422, 'Invalid', `${part}: must be of type object: "null"`)
    const [error] = Value.Errors(kind[part], object[part])
    if (error)
      throw newApiError(
        422,
        'Invalid',
        `${def.kind} ${object.metadata.name}: ${part}${error.instancePath}: ${error.message}`,
      )
  }
  return object
}

export const withSchemaDefaults = (object: Obj, { schema }: KindFacts): Obj =>
  withDefaults(asJson(object), schema) as unknown as Obj

/**
 * Applies `config` to the stored object, as server-side apply does.
 * @throws ApiError 409 if `config` changes a field that another manager owns, and `force` is false; ApiError 500 for a
 * field that the schema does not know
 */
export function applyConfig(
  before: Stored,
  config: Json,
  by: Omit<Manager, 'fields' | 'operation'>,
  facts: KindFacts,
  force: boolean,
): Stored {
  const { schema } = facts
  const unknown = facts.kind && unknownField(config, { properties: { ...schema.properties, metadata: {} } })
  if (unknown !== undefined)
    throw newApiError(500, '', `failed to create typed patch object: ${unknown}: field not declared in schema`)
  const me: Omit<Manager, 'fields'> = { ...by, operation: 'Apply' }
  const mine = fieldsOf(config, schema)
  mine.delete('')
  const old = asJson(before.object)
  const merged = mergeValues(old, config, schema)
  const changed = changedFields(old, merged, schema)
  const others = before.managers.filter((m) => !isSameManager(m, me))
  const conflict = others.find((m) => [...changed.keys()].some((text) => mine.has(text) && m.fields.has(text)))
  if (conflict && !force)
    throw newApiError(409, 'Conflict', `Apply failed with 1 conflict: conflict with "${conflict.name}"`)
  const kept = others.map((m) => {
    const fields = withoutFields(m.fields, changed)
    return fields === m.fields ? m : { ...m, fields }
  })
  const mineBefore = before.managers.find((m) => isSameManager(m, me))?.fields ?? new Map<string, Path>()
  const owners = [mine, ...kept.map(({ fields }) => fields)]
  const isOwned = (path: Path): boolean => {
    const text = pathToText(path)
    return owners.some((fields) => fields.has(text) || [...fields.keys()].some((t) => t.startsWith(`${text} / `)))
  }
  let object = merged
  for (const [, path] of mineBefore) if (!isOwned(path)) object = removeField(object, path, schema, isOwned)
  const managers = [...kept, ...(mine.size > 0 ? [{ ...me, fields: mine }] : [])].filter(
    ({ fields }) => fields.size > 0,
  )
  return { object: object as unknown as Obj, managers }
}

/**
 * Returns the object with its managers as after an update: the manager `by` owns every field to which the write gave a
 * new value.
 */
export function updateObject(
  before: Stored,
  object: Obj,
  by: Omit<Manager, 'fields' | 'operation'>,
  facts: KindFacts,
): Stored {
  const { schema } = facts
  const me: Omit<Manager, 'fields'> = { ...by, operation: 'Update' }
  // The creator of an object does not own the object's initial status, which is a default of the schema.
  const writesStatus = !facts.hasStatus || by.subresource === 'status'
  const managedPart = (o: Obj): Json => ({
    ...(managedPartOf(o, facts, '') as object),
    ...(o['status'] === undefined || !writesStatus ? {} : { status: o['status'] as Json }),
  })
  const [old, now] = [managedPart(before.object), managedPart(object)]
  const changed = changedFields(old, now, schema)
  const written = new Map([...changed].filter(([, path]) => valueAt(now, path, schema) !== undefined))
  // A manager that adds a nested object owns the object itself and also the fields inside it.
  const isNew = (path: Path): boolean =>
    path.length > 0 && pathToText(path) !== 'f:metadata' && valueAt(old, path, schema) === undefined
  for (const path of written.values())
    for (const parent of path.map((_, i) => path.slice(0, i)).filter(isNew)) written.set(pathToText(parent), parent)
  written.delete('')
  const mineBefore = before.managers.find((m) => isSameManager(m, me))?.fields ?? new Map<string, Path>()
  const others = before.managers
    .filter((m) => !isSameManager(m, me))
    .map((m) => ({ ...m, fields: withoutFields(m.fields, changed) }))
  const mine = { ...me, fields: new Map([...withoutFields(mineBefore, changed), ...written]) }
  return { object, managers: [...others, mine].filter(({ fields }) => fields.size > 0) }
}

/** Applies a JSON merge patch (RFC 7386). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const out: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue
    if (value === null) delete out[name]
    else out[name] = mergePatch(out[name], value)
  }
  return out
}

/** Whether metadata.generation must grow. A change of the status counts only if the kind has no status subresource. */
export function hasSpecChanged(a: Obj, b: Obj, { hasStatus }: KindFacts): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  names.delete('metadata')
  if (hasStatus) names.delete('status')
  return [...names].some((name) => !isDeepEqual(a[name], b[name]))
}

export function hasSameOwners(a: Stored, b: Stored): boolean {
  if (a.managers === b.managers) return true
  return (
    a.managers.length === b.managers.length &&
    a.managers.every((m) => {
      const fields = b.managers.find((other) => isSameManager(other, m))?.fields
      if (fields === m.fields) return true
      return fields?.size === m.fields.size && [...m.fields.keys()].every((text) => fields.has(text))
    })
  )
}
