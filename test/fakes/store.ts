/** The objects of the fake API server and who owns which of their fields: what each kind of write does to them. Pure but for the store itself. */
import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { Value } from 'typebox/value'
import type { Kind } from '../../crds/index.ts'
import { ApiError, type Status } from '../../kube/errors.ts'
import type { ResourceDef } from '../../kube/types.ts'
import {
  changedFields,
  type Fields,
  fieldsOf,
  type Json,
  merge,
  type Path,
  remove,
  type Schema,
  textOf,
  unknownField,
  valueAt,
  withDefaults,
} from './fields.ts'
import { same } from './values.ts'

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

/** An object with the owners of its fields. */
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

/** @param kind undefined: a kind of Kubernetes' own: any field goes, and lists are values */
export function factsOf(def: ResourceDef, kind: Kind | undefined): KindFacts {
  const [spec, status] = [kind?.spec, kind?.status] as unknown as [Schema | undefined, Schema | undefined]
  const properties = { metadata: metadataSchema, ...(spec ? { spec } : {}), ...(status ? { status } : {}) }
  return { def, schema: { properties }, kind, hasStatus: kind !== undefined && kind.statusSubresource !== false }
}

export const refuse = (status: number, reason: string, message: string, details: Status['details'] = {}): ApiError =>
  new ApiError({ request: 'fake', status, body: { reason, message, code: status, details } })

/** What no manager owns. */
const systemFields = ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'generateName']
const unowned = new Set([...systemFields, 'deletionTimestamp', 'deletionGracePeriodSeconds', 'managedFields'])

const asJson = (object: object): Json => object as Json

/** The part of an object that managers own, and of that only what this endpoint writes. */
export function writable(object: object, { hasStatus }: KindFacts, subresource: string): Json {
  const { apiVersion: _, kind: __, metadata, status, ...rest } = object as Record<string, Json>
  if (subresource === 'status') return status === undefined ? {} : { status }
  const meta = Object.entries((metadata ?? {}) as Record<string, Json>).filter(([name]) => !unowned.has(name))
  return {
    ...rest,
    ...(meta.length > 0 ? { metadata: Object.fromEntries(meta) } : {}),
    ...(status === undefined || hasStatus ? {} : { status }),
  }
}

const isThe = (a: Manager, b: Omit<Manager, 'fields'>): boolean =>
  a.name === b.name && a.operation === b.operation && a.subresource === b.subresource

function without(fields: Fields, gone: Fields): Fields {
  for (const text of gone.keys())
    if (fields.has(text)) return new Map([...fields].filter(([other]) => !gone.has(other)))
  return fields
}

const validators = new WeakMap<object, Validator>()

function isValid(schema: TSchema, value: unknown): boolean {
  const known = validators.get(schema) ?? Compile(schema)
  validators.set(schema, known)
  return known.Check(value)
}

/**
 * @param before parts that are as they were need no check
 * @throws ApiError 422 where the schema says no
 */
export function checked(object: Obj, { kind, def }: KindFacts, before?: Obj): Obj {
  if (!kind) return object
  for (const part of ['spec', 'status'] as const) {
    if (part === 'status' && object[part] === undefined) continue
    if (before && object[part] === before[part]) continue
    if (object[part] !== null && isValid(kind[part], object[part])) continue
    if (object[part] === null) throw refuse(422, 'Invalid', `${part}: must be of type object: "null"`)
    const [error] = Value.Errors(kind[part], object[part])
    if (error)
      throw refuse(
        422,
        'Invalid',
        `${def.kind} ${object.metadata.name}: ${part}${error.instancePath}: ${error.message}`,
      )
  }
  return object
}

export const defaulted = (object: Obj, { schema }: KindFacts): Obj =>
  withDefaults(asJson(object), schema) as unknown as Obj

/** Server-side apply of `config` on what is there. @throws ApiError 409 without force, 500 for fields the schema does not know */
export function applied(
  before: Stored,
  config: Json,
  by: Omit<Manager, 'fields' | 'operation'>,
  facts: KindFacts,
  force: boolean,
): Stored {
  const { schema } = facts
  const stranger = facts.kind && unknownField(config, { properties: { ...schema.properties, metadata: {} } })
  if (stranger !== undefined)
    throw refuse(500, '', `failed to create typed patch object: ${stranger}: field not declared in schema`)
  const me: Omit<Manager, 'fields'> = { ...by, operation: 'Apply' }
  const mine = fieldsOf(config, schema)
  mine.delete('')
  const old = asJson(before.object)
  const laid = merge(old, config, schema)
  const changed = changedFields(old, laid, schema)
  const others = before.managers.filter((m) => !isThe(m, me))
  const conflict = others.find((m) => [...changed.keys()].some((text) => mine.has(text) && m.fields.has(text)))
  if (conflict && !force)
    throw refuse(409, 'Conflict', `Apply failed with 1 conflict: conflict with "${conflict.name}"`)
  const kept = others.map((m) => {
    const fields = without(m.fields, changed)
    return fields === m.fields ? m : { ...m, fields }
  })
  const last = before.managers.find((m) => isThe(m, me))?.fields ?? new Map<string, Path>()
  const owners = [mine, ...kept.map(({ fields }) => fields)]
  const owned = (path: Path): boolean => {
    const text = textOf(path)
    return owners.some((fields) => fields.has(text) || [...fields.keys()].some((t) => t.startsWith(`${text} / `)))
  }
  let object = laid
  for (const [, path] of last) if (!owned(path)) object = remove(object, path, schema, owned)
  const managers = [...kept, ...(mine.size > 0 ? [{ ...me, fields: mine }] : [])].filter(
    ({ fields }) => fields.size > 0,
  )
  return { object: object as unknown as Obj, managers }
}

/** An update by `by` that made `object` of what was there. */
export function updated(
  before: Stored,
  object: Obj,
  by: Omit<Manager, 'fields' | 'operation'>,
  facts: KindFacts,
): Stored {
  const { schema } = facts
  const me: Omit<Manager, 'fields'> = { ...by, operation: 'Update' }
  const parts = (o: Obj): Json => ({
    ...(writable(o, facts, '') as object),
    ...(o['status'] === undefined ? {} : { status: o['status'] as Json }),
  })
  const [old, now] = [parts(before.object), parts(object)]
  const changed = changedFields(old, now, schema)
  const there = new Map([...changed].filter(([, path]) => valueAt(now, path, schema) !== undefined))
  // Who makes an object owns it, besides its fields.
  const isNew = (path: Path): boolean =>
    path.length > 0 && textOf(path) !== 'f:metadata' && valueAt(old, path, schema) === undefined
  for (const path of there.values())
    for (const above of path.map((_, i) => path.slice(0, i)).filter(isNew)) there.set(textOf(above), above)
  there.delete('')
  const own = before.managers.find((m) => isThe(m, me))?.fields ?? new Map<string, Path>()
  const others = before.managers.filter((m) => !isThe(m, me)).map((m) => ({ ...m, fields: without(m.fields, changed) }))
  const mine = { ...me, fields: new Map([...without(own, changed), ...there]) }
  return { object, managers: [...others, mine].filter(({ fields }) => fields.size > 0) }
}

/** RFC 7386. */
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

/** Does the generation grow? Everything but metadata counts, and status only where it has no subresource. */
export function specChanged(a: Obj, b: Obj, { hasStatus }: KindFacts): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  names.delete('metadata')
  if (hasStatus) names.delete('status')
  return [...names].some((name) => !same(a[name], b[name]))
}

/** Do the same managers own the same fields? */
export function sameOwners(a: Stored, b: Stored): boolean {
  if (a.managers === b.managers) return true
  return (
    a.managers.length === b.managers.length &&
    a.managers.every((m) => {
      const fields = b.managers.find((other) => isThe(other, m))?.fields
      if (fields === m.fields) return true
      return fields?.size === m.fields.size && [...m.fields.keys()].every((text) => fields.has(text))
    })
  )
}
