// Converts between typed parameters and plain objects.
import type { TypedParam, TypedParamInput } from './protocol/common.ts'

/** The value of a typed parameter: 64 bit integers are bigints, smaller ones numbers. */
export type ParamValue = TypedParam['value']['value']

/**
 * Makes a plain object: `{ 'state.state': 1, 'cpu.time': 190000000n, … }`. If a name comes twice, its last value
 * counts.
 */
export function fromParams(params: readonly TypedParam[]): Record<string, ParamValue> {
  const record: Record<string, ParamValue> = {}
  // A parameter named `__proto__` does no harm, because no value is an object.
  for (const { field, value } of params) record[field] = value.value
  return record
}

/** The types of a procedure's parameters by name, from libvirt's documentation. */
export type ParamTypes = Readonly<Record<string, TypedParam['value']['type']>>

type InputOf<T extends TypedParam['value']['type']> = Extract<TypedParamInput['value'], { type: T }>['value']

/** Values for parameters of these types; a list gives the same name once for each of its items. */
export type ParamInput<T extends ParamTypes> = { [K in keyof T]?: InputOf<T[K]> | readonly InputOf<T[K]>[] | undefined }

/** Makes typed parameters from a plain object and a table of their types. Values that are undefined are left out. */
export function toParams<const T extends ParamTypes>(types: T, values: ParamInput<T>): TypedParamInput[] {
  return Object.entries(values).flatMap(([field, given]) => {
    if (given === undefined) return []
    const items: readonly unknown[] = Array.isArray(given) ? given : [given]
    // ParamInput ties each value to its type; the type of `Object.entries` loses that.
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
