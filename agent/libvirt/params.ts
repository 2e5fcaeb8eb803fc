// Typed parameters as plain objects, both ways.
import type { TypedParam, TypedParamInput } from './protocol/common.ts'

/** What a typed parameter may hold: 64 bit integers are bigints, smaller ones numbers. */
export type ParamValue = TypedParam['value']['value']

/** `{ 'state.state': 1, 'cpu.time': 190000000n, … }`. A name that comes twice keeps its last value; see `listParam`. */
export function fromParams(params: readonly TypedParam[]): Record<string, ParamValue> {
  const record: Record<string, ParamValue> = {}
  // Even `__proto__` does no harm: none of the values is an object.
  for (const { field, value } of params) record[field] = value.value
  return record
}

/** All values of a name that may come several times. */
export function listParam(params: readonly TypedParam[], name: string): ParamValue[] {
  return params.filter(({ field }) => field === name).map(({ value }) => value.value)
}

/** The types that a call's documentation gives its parameters. */
export type ParamTypes = Readonly<Record<string, TypedParam['value']['type']>>

type InputOf<T extends TypedParam['value']['type']> = Extract<TypedParamInput['value'], { type: T }>['value']

/** Values for parameters of these types; a list gives the same name once for each of its items. */
export type ParamInput<T extends ParamTypes> = { [K in keyof T]?: InputOf<T[K]> | readonly InputOf<T[K]>[] | undefined }

/** Typed parameters from a plain object, by a table of their types; what is undefined is left out. */
export function toParams<const T extends ParamTypes>(types: T, values: ParamInput<T>): TypedParamInput[] {
  return Object.entries(values).flatMap(([field, given]) => {
    if (given === undefined) return []
    const items: readonly unknown[] = Array.isArray(given) ? given : [given]
    // ParamInput has tied each value to its type; pairs out of Object.entries have lost that.
    return items.map((value) => ({ field, value: { type: types[field], value } as TypedParamInput['value'] }))
  })
}

/** Parameters of `domainMigratePerform3Params` (VIR_MIGRATE_PARAM_*). Bandwidths in MiB/s. */
export const migrateParams = {
  migrate_uri: 'string',
  destination_name: 'string',
  destination_xml: 'string',
  persistent_xml: 'string',
  bandwidth: 'ullong',
  'bandwidth.postcopy': 'ullong',
  'bandwidth.avail.switchover': 'ullong',
  graphics_uri: 'string',
  listen_address: 'string',
  /** Target names (vda) of the disks to copy; all if none is named. */
  migrate_disks: 'string',
  migrate_disks_detect_zeroes: 'string',
  disks_port: 'int',
  disks_uri: 'string',
  compression: 'string',
  'compression.zlib.level': 'int',
  'compression.zstd.level': 'int',
  'compression.mt.level': 'int',
  'compression.mt.threads': 'int',
  'compression.mt.dthreads': 'int',
  'compression.xbzrle.cache': 'ullong',
  'auto_converge.initial': 'int',
  'auto_converge.increment': 'int',
  'parallel.connections': 'int',
  'tls.destination': 'string',
} as const satisfies ParamTypes

/** Parameters of `domainBlockCopy`. Bandwidth in bytes/s. */
export const blockCopyParams = {
  bandwidth: 'ullong',
  granularity: 'uint',
  'buf-size': 'ullong',
} as const satisfies ParamTypes
