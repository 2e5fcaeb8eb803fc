/**
 * The fields of an object as server-side apply sees them (KEP-555). Steps of a path: `f:name` is a member of an object,
 * `k:{…}` an element of a list of type map, and `v:…` an element of a list of type set.
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
/** By the path as text (see {@link pathToText}). */
export type Fields = Map<string, Path>

type Obj = { [key: string]: Json }

export const isObject = (value: unknown): value is Obj =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Server-side apply replaces an atomic value as a whole, so that it has one owner. */
const isAtomic = (schema: Schema | undefined): boolean => schema?.['x-kubernetes-map-type'] === 'atomic'

export const pathToText = (path: Path): string => path.join(' / ')

export function memberSchema(schema: Schema | undefined, name: string): Schema | undefined {
  return schema?.properties?.[name] ?? Object.values(schema?.patternProperties ?? {})[0]
}

/** Each element by the path step that leads to it. undefined: server-side apply replaces the list as a whole. */
export function elementsByStep(list: readonly Json[], schema: Schema | undefined): Map<string, Json> | undefined {
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

/** undefined: server-side apply replaces the value as a whole. */
function membersOf(value: Json, schema: Schema | undefined): Member[] | undefined {
  if (isObject(value)) {
    const entries = Object.entries(value)
    const list = entries.map(([name, member]) => ({ step: `f:${name}`, member, schema: memberSchema(schema, name) }))
    return isAtomic(schema) ? undefined : list
  }
  const byStep = Array.isArray(value) ? elementsByStep(value, schema) : undefined
  return byStep && [...byStep].map(([step, member]) => ({ step, member, schema: schema?.items }))
}

export function fieldsOf(value: Json, schema: Schema | undefined, at: Path = [], found: Fields = new Map()): Fields {
  const add = (path: Path): void => void found.set(pathToText(path), path)
  const members = membersOf(value, schema)
  if (!members || (members.length === 0 && isObject(value))) add(at)
  for (const { step, member, schema: itsSchema } of members ?? []) {
    const path = [...at, step]
    // A list element is a field itself, and may contain further fields.
    if (!step.startsWith('f:')) add(path)
    if (step.startsWith('f:') || (isObject(member) && !isAtomic(itsSchema))) fieldsOf(member, itsSchema, path, found)
  }
  return found
}

export function mergeValues(live: Json | undefined, config: Json, schema: Schema | undefined): Json {
  if (live === undefined) return config
  if (isObject(config) && isObject(live) && !isAtomic(schema)) {
    const merged: Obj = { ...live }
    for (const [name, value] of Object.entries(config))
      merged[name] = mergeValues(live[name], value, memberSchema(schema, name))
    return merged
  }
  const [old, wanted] = [live, config].map((list) => (Array.isArray(list) ? elementsByStep(list, schema) : undefined))
  if (!old || !wanted) return config
  return mergeLists(old, wanted, schema?.items)
}

/**
 * Merges in the order of the real API server: `wanted` keeps its order, and an element that only `old` has stays in
 * front of its successor in `old`.
 */
function mergeLists(old: Map<string, Json>, wanted: Map<string, Json>, itemSchema: Schema | undefined): Json[] {
  const [oldSteps, wantedSteps] = [[...old.keys()], [...wanted.keys()]]
  const common = wantedSteps.filter((step) => old.has(step))
  const merged: Json[] = []
  let [i, j, nextCommon] = [0, 0, 0]
  const takeWanted = (step: string): void => {
    merged.push(mergeValues(old.get(step), wanted.get(step)!, itemSchema))
    if (old.has(step)) nextCommon++
    j++
  }
  while (i < oldSteps.length || j < wantedSteps.length) {
    const [oldStep, step] = [oldSteps[i], wantedSteps[j]]
    const isOutOfOrder = oldStep !== step && nextCommon < common.length && common[nextCommon] !== oldStep
    if (oldStep !== undefined && !wanted.has(oldStep)) {
      merged.push(old.get(oldStep)!)
      i++
    } else if (step === undefined || (oldStep !== undefined && isOutOfOrder)) i++
    else {
      if (oldStep === step) i++
      takeWanted(step)
    }
  }
  return merged
}

export function valueAt(value: Json | undefined, path: Path, schema: Schema | undefined): Json | undefined {
  const [step, ...rest] = path
  if (step === undefined || value === undefined) return value
  if (step.startsWith('f:')) {
    const name = step.slice(2)
    return isObject(value) ? valueAt(value[name], rest, memberSchema(schema, name)) : undefined
  }
  const element = Array.isArray(value) ? elementsByStep(value, schema)?.get(step) : undefined
  return valueAt(element, rest, schema?.items)
}

/**
 * Also removes each parent that is then empty, unless `keep` returns true for its path. A kept empty parent becomes
 * null, which our schemas reject. On the real API server, too, applying `x: {a: 1}` and then `x: {}` makes `x` null.
 */
export function removeField(value: Json, path: Path, schema: Schema | undefined, keep: (path: Path) => boolean): Json {
  return removeWithin(value, path, schema, { keep, at: [] }) ?? {}
}

interface RemovalContext {
  keep: (path: Path) => boolean
  at: Path
}

function removeWithin(
  value: Json,
  path: Path,
  schema: Schema | undefined,
  { keep, at }: RemovalContext,
): Json | undefined {
  const [step, ...rest] = path
  if (step === undefined) return undefined
  const here = [...at, step]
  const unlessEmpty = (isEmpty: boolean, rest: Json): Json | undefined =>
    isEmpty && at.length > 0 && !keep(at) ? undefined : rest
  if (step.startsWith('f:')) {
    const name = step.slice(2)
    if (!isObject(value) || value[name] === undefined) return value
    const { [name]: old, ...others } = value
    const member = removeWithin(old!, rest, memberSchema(schema, name), { keep, at: here })
    const entries = Object.keys(value).flatMap((k) =>
      k === name ? (member === undefined ? [] : [[k, member]]) : [[k, others[k]!]],
    )
    return unlessEmpty(
      entries.length === 0,
      entries.length === 0 && at.length > 0 ? null : (Object.fromEntries(entries) as Obj),
    )
  }
  const byStep = Array.isArray(value) ? elementsByStep(value, schema) : undefined
  if (!byStep?.has(step)) return value
  const changed = removeWithin(byStep.get(step)!, rest, schema?.items, { keep, at: here })
  const list = [...byStep].flatMap(([key, element]) => {
    if (key !== step) return [element]
    return changed === undefined ? [] : [changed]
  })
  return unlessEmpty(list.length === 0, list)
}

/** Skips a value that is the same JavaScript object in `a` and `b`. */
export function changedFields(a: Json, b: Json, schema: Schema | undefined): Fields {
  const found: Fields = new Map()
  collectDifferences(a, b, { schema, at: [], found })
  return found
}

interface DiffContext {
  schema: Schema | undefined
  at: Path
  found: Fields
}

function collectDifferences(a: Json | undefined, b: Json | undefined, where: DiffContext): void {
  if (a === b) return
  const { schema, at, found } = where
  const [x, y] = [a, b].map((value) => (value === undefined ? undefined : membersOf(value, schema)))
  const isElement = at.length > 0 && !at.at(-1)?.startsWith('f:')
  const differs = isElement ? (a === undefined) !== (b === undefined) : isFieldChanged([a, x], [b, y])
  if (differs) found.set(pathToText(at), at)
  if (!isElement || isMergedByMembers(a, b, schema)) collectMemberDifferences(x, y, where)
}

const isMergedByMembers = (a: Json | undefined, b: Json | undefined, schema: Schema | undefined): boolean =>
  !isAtomic(schema) && (isObject(a) || isObject(b))

function collectMemberDifferences(a: Member[] | undefined, b: Member[] | undefined, { at, found }: DiffContext): void {
  const [old, now] = [a, b].map((members) => new Map(members?.map((member) => [member.step, member])))
  for (const [step, { member, schema }] of new Map([...(now ?? []), ...(old ?? [])]))
    collectDifferences(old?.has(step) ? member : undefined, now?.get(step)?.member, {
      schema,
      at: [...at, step],
      found,
    })
}

type Side = readonly [Json | undefined, Member[] | undefined]

function isFieldChanged(...[[a, x], [b, y]]: [Side, Side]): boolean {
  const isField = (value: Json | undefined, members: Member[] | undefined): boolean =>
    value !== undefined && (!members || (members.length === 0 && isObject(value)))
  return (isField(a, x) || isField(b, y)) && JSON.stringify(a) !== JSON.stringify(b)
}

/** Returns `value` itself if no default is missing. */
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
    const completed = withDefaults(member, memberSchema(schema, name))
    if (completed !== member) set(name, completed)
  }
  return out
}

/** The path of the first field that is not in the schema, such as `.spec.networks[].colour`. */
export function unknownField(value: Json, schema: Schema | undefined, at = ''): string | undefined {
  if (!schema || schema['x-kubernetes-preserve-unknown-fields']) return undefined
  if (Array.isArray(value)) return firstDefined(value.map((item) => unknownField(item, schema.items, `${at}[]`)))
  if (!isObject(value) || !(schema.properties ?? schema.patternProperties)) return undefined
  const names = Object.keys(value)
  const unknownName = names.find((name) => memberSchema(schema, name) === undefined)
  if (unknownName !== undefined) return `${at}.${unknownName}`
  return firstDefined(names.map((name) => unknownField(value[name]!, memberSchema(schema, name), `${at}.${name}`)))
}

const firstDefined = (list: (string | undefined)[]): string | undefined => list.find((item) => item !== undefined)
