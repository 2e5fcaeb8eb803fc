// Converts libvirt's typed parameters (lists of name, type and value) to plain objects and back.
import type { TypedParam, TypedParamInput } from './protocol/common.ts'

/** The value of a typed parameter. 64 bit integers are bigints, smaller ones are numbers. */
export type ParamValue = TypedParam['value']['value']

/**
 * Makes a plain object from typed parameters: `{ 'state.state': 1, 'cpu.time': 190000000n, … }`. If a name occurs
 * twice, takes the last value.
 */
export function fromParams(params: readonly TypedParam[]): Record<string, ParamValue> {
  const record: Record<string, ParamValue> = {}
  // A parameter named `__proto__` is harmless: no value is an object, so the assignment changes no prototype.
  for (const { field, value } of params) record[field] = value.value
  return record
}

/** The type of each parameter of a procedure, from libvirt's documentation. */
export type ParamTypes = Readonly<Record<string, TypedParam['value']['type']>>

type InputOf<T extends TypedParam['value']['type']> = Extract<TypedParamInput['value'], { type: T }>['value']

/** Values for parameters of these types. A list gives several parameters of the same name. */
export type ParamInput<T extends ParamTypes> = { [K in keyof T]?: InputOf<T[K]> | readonly InputOf<T[K]>[] | undefined }

/** Makes typed parameters from a plain object and a table of types. Leaves out values that are undefined. */
export function toParams<const T extends ParamTypes>(types: T, values: ParamInput<T>): TypedParamInput[] {
  return Object.entries(values).flatMap(([field, given]) => {
    if (given === undefined) return []
    const items: readonly unknown[] = Array.isArray(given) ? given : [given]
    // The cast is safe: `ParamInput` ties each value to its type, but `Object.entries` loses this.
    return items.map((value) => ({ field, value: { type: types[field], value } as TypedParamInput['value'] }))
  })
}

/** The parameters of `domainMigratePerform3Params` (VIR_MIGRATE_PARAM_*). Bandwidths are in MiB/s. */
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
  /** Target names (such as vda) of the disks to copy. Default: all disks. */
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

/** The parameters of `domainBlockCopy`. `bandwidth` is in bytes per second. */
export const blockCopyParams = {
  bandwidth: 'ullong',
  granularity: 'uint',
  'buf-size': 'ullong',
} as const satisfies ParamTypes
