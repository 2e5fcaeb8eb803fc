/**
 * Fields of objects as server-side apply counts them: a path is a list of steps, `f:name` into an object, `k:{…}` to the element of a list
 * that is merged by keys, `v:…` to a member of a set. Pure; follows KEP-555 as far as schemas of ours go.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export interface Schema {
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  items?: Schema
  default?: Json
  'x-kubernetes-list-type'?: string
  'x-kubernetes-list-map-keys'?: string[]
  'x-kubernetes-map-type'?: string
  'x-kubernetes-preserve-unknown-fields'?: boolean
}

export type Path = readonly string[]
/** Paths by their text. */
export type Fields = Map<string, Path>

type Obj = { [key: string]: Json }

export const isObject = (value: unknown): value is Obj =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Is it owned and replaced as a whole? */
const isAtomic = (schema: Schema | undefined): boolean => schema?.['x-kubernetes-map-type'] === 'atomic'

export const textOf = (path: Path): string => path.join(' / ')

export function memberSchema(schema: Schema | undefined, name: string): Schema | undefined {
  return schema?.properties?.[name] ?? Object.values(schema?.patternProperties ?? {})[0]
}

/** The list's elements by their step, where they are merged one by one; undefined: the list is one value. */
export function elements(list: readonly Json[], schema: Schema | undefined): Map<string, Json> | undefined {
  const type = schema?.['x-kubernetes-list-type']
  if (type === 'set') return new Map(list.map((item) => [`v:${JSON.stringify(item)}`, item]))
  if (type !== 'map') return undefined
  const keys = schema?.['x-kubernetes-list-map-keys'] ?? []
  return new Map(
    list.map((item) => [`k:${JSON.stringify(Object.fromEntries(keys.map((k) => [k, (item as Obj)[k]])))}`, item]),
  )
}

interface Member {
  step: string
  member: Json
  schema: Schema | undefined
}

/** What is merged one by one in a value; undefined: it is a value as a whole. */
function membersOf(value: Json, schema: Schema | undefined): Member[] | undefined {
  if (isObject(value)) {
    const entries = Object.entries(value)
    const list = entries.map(([name, member]) => ({ step: `f:${name}`, member, schema: memberSchema(schema, name) }))
    return isAtomic(schema) ? undefined : list
  }
  const parts = Array.isArray(value) ? elements(value, schema) : undefined
  return parts && [...parts].map(([step, member]) => ({ step, member, schema: schema?.items }))
}

/** All fields that `value` sets. */
export function fieldsOf(value: Json, schema: Schema | undefined, at: Path = [], found: Fields = new Map()): Fields {
  const own = (path: Path): void => void found.set(textOf(path), path)
  const inner = membersOf(value, schema)
  if (!inner || (inner.length === 0 && isObject(value))) own(at)
  for (const { step, member, schema: of } of inner ?? []) {
    const path = [...at, step]
    // An element of a list is a field by being there.
    if (!step.startsWith('f:')) own(path)
    if (step.startsWith('f:') || (isObject(member) && !isAtomic(of))) fieldsOf(member, of, path, found)
  }
  return found
}

/** `config` laid over `live`. */
export function merge(live: Json | undefined, config: Json, schema: Schema | undefined): Json {
  if (live === undefined) return config
  if (isObject(config) && isObject(live) && !isAtomic(schema)) {
    const merged: Obj = { ...live }
    for (const [name, value] of Object.entries(config))
      merged[name] = merge(live[name], value, memberSchema(schema, name))
    return merged
  }
  const [now, wanted] = [live, config].map((list) => (Array.isArray(list) ? elements(list, schema) : undefined))
  if (!now || !wanted) return config
  return mergeLists(now, wanted, schema?.items)
}

/** In the order of the real one: what both have as `wanted` has it, and what only `now` has stays before what follows it there. */
function mergeLists(now: Map<string, Json>, wanted: Map<string, Json>, items: Schema | undefined): Json[] {
  const [olds, news] = [[...now.keys()], [...wanted.keys()]]
  const both = news.filter((step) => now.has(step))
  const merged: Json[] = []
  let [i, j, next] = [0, 0, 0]
  const take = (step: string): void => {
    merged.push(merge(now.get(step), wanted.get(step)!, items))
    if (now.has(step)) next++
    j++
  }
  while (i < olds.length || j < news.length) {
    const [old, step] = [olds[i], news[j]]
    if (old !== undefined && !wanted.has(old)) {
      merged.push(now.get(old)!)
      i++
    } else if (step === undefined || (old !== undefined && old !== step && next < both.length && both[next] !== old))
      i++
    else {
      if (old === step) i++
      take(step)
    }
  }
  return merged
}

/** The value at a path; undefined: nothing there. */
export function valueAt(value: Json | undefined, path: Path, schema: Schema | undefined): Json | undefined {
  const [step, ...rest] = path
  if (step === undefined || value === undefined) return value
  if (step.startsWith('f:')) {
    const name = step.slice(2)
    return isObject(value) ? valueAt(value[name], rest, memberSchema(schema, name)) : undefined
  }
  const element = Array.isArray(value) ? elements(value, schema)?.get(step) : undefined
  return valueAt(element, rest, schema?.items)
}

/**
 * Without the field at `path`, and without the objects and lists that are empty then, unless `keep` says of their path to keep them:
 * an object then becomes null (which no schema of ours takes), as the real one does where a manager that applied `{a: 1}` applies `{}`.
 */
export function remove(value: Json, path: Path, schema: Schema | undefined, keep: (path: Path) => boolean): Json {
  return drop(value, path, schema, { keep, at: [] }) ?? {}
}

interface Where {
  keep: (path: Path) => boolean
  at: Path
}

function drop(value: Json, path: Path, schema: Schema | undefined, { keep, at }: Where): Json | undefined {
  const [step, ...rest] = path
  if (step === undefined) return undefined
  const here = [...at, step]
  const left = (empty: boolean, now: Json): Json | undefined => (empty && at.length > 0 && !keep(at) ? undefined : now)
  if (step.startsWith('f:')) {
    const name = step.slice(2)
    if (!isObject(value) || value[name] === undefined) return value
    const { [name]: old, ...others } = value
    const now = drop(old!, rest, memberSchema(schema, name), { keep, at: here })
    // Members keep their order.
    const entries = Object.keys(value).flatMap((k) =>
      k === name ? (now === undefined ? [] : [[k, now]]) : [[k, others[k]!]],
    )
    return left(
      entries.length === 0,
      entries.length === 0 && at.length > 0 ? null : (Object.fromEntries(entries) as Obj),
    )
  }
  const parts = Array.isArray(value) ? elements(value, schema) : undefined
  if (!parts?.has(step)) return value
  const now = drop(parts.get(step)!, rest, schema?.items, { keep, at: here })
  const list = [...parts].flatMap(([key, element]) => (key === step ? (now === undefined ? [] : [now]) : [element]))
  return left(list.length === 0, list)
}

/** Fields whose values differ, either way. What both share as one value is not looked into. */
export function changedFields(a: Json, b: Json, schema: Schema | undefined): Fields {
  const found: Fields = new Map()
  differences(a, b, { schema, at: [], found })
  return found
}

interface Difference {
  schema: Schema | undefined
  at: Path
  found: Fields
}

function differences(a: Json | undefined, b: Json | undefined, where: Difference): void {
  if (a === b) return
  const { schema, at, found } = where
  const [x, y] = [a, b].map((value) => (value === undefined ? undefined : membersOf(value, schema)))
  const isElement = at.length > 0 && !at.at(-1)?.startsWith('f:')
  const differs = isElement ? (a === undefined) !== (b === undefined) : isChanged([a, x], [b, y])
  if (differs) found.set(textOf(at), at)
  if (!isElement || isMergedByMembers(a, b, schema)) differencesWithin(x, y, where)
}

const isMergedByMembers = (a: Json | undefined, b: Json | undefined, schema: Schema | undefined): boolean =>
  !isAtomic(schema) && (isObject(a) || isObject(b))

function differencesWithin(a: Member[] | undefined, b: Member[] | undefined, { at, found }: Difference): void {
  const [olds, news] = [a, b].map((members) => new Map(members?.map((member) => [member.step, member])))
  for (const [step, { member, schema: of }] of new Map([...(news ?? []), ...(olds ?? [])]))
    differences(olds?.has(step) ? member : undefined, news?.get(step)?.member, { schema: of, at: [...at, step], found })
}

type Side = readonly [Json | undefined, Member[] | undefined]

/** Is either a field as a whole, and are they not the same? */
function isChanged(...[[a, x], [b, y]]: [Side, Side]): boolean {
  const isField = (value: Json | undefined, members: Member[] | undefined): boolean =>
    value !== undefined && (!members || (members.length === 0 && isObject(value)))
  return (isField(a, x) || isField(b, y)) && JSON.stringify(a) !== JSON.stringify(b)
}

/** Sets the defaults of the schema where a member is missing. */
export function withDefaults(value: Json, schema: Schema | undefined): Json {
  if (!schema) return value
  if (Array.isArray(value)) {
    const list = value.map((item) => withDefaults(item, schema.items))
    return list.every((item, i) => item === value[i]) ? value : list
  }
  if (!isObject(value)) return value
  let out = value
  const set = (name: string, member: Json): void => {
    if (out === value) out = { ...value }
    out[name] = member
  }
  for (const name in schema.properties) {
    const { default: missing } = schema.properties[name] ?? {}
    if (value[name] === undefined && missing !== undefined) set(name, structuredClone(missing))
  }
  for (const [name, member] of Object.entries(out)) {
    const whole = withDefaults(member, memberSchema(schema, name))
    if (whole !== member) set(name, whole)
  }
  return out
}

/** The first field that the schema does not know, as a path in words. */
export function unknownField(value: Json, schema: Schema | undefined, at = ''): string | undefined {
  if (!schema || schema['x-kubernetes-preserve-unknown-fields']) return undefined
  if (Array.isArray(value)) return first(value.map((item) => unknownField(item, schema.items, `${at}[]`)))
  if (!isObject(value) || !(schema.properties ?? schema.patternProperties)) return undefined
  const names = Object.keys(value)
  const stranger = names.find((name) => memberSchema(schema, name) === undefined)
  if (stranger !== undefined) return `${at}.${stranger}`
  return first(names.map((name) => unknownField(value[name]!, memberSchema(schema, name), `${at}.${name}`)))
}

const first = (list: (string | undefined)[]): string | undefined => list.find((item) => item !== undefined)
