// Converts libvirt's typed parameters to plain objects and back.
import type { TypedParam, TypedParamInput } from './protocol/common.ts'

/** 64 bit integers are bigints, smaller ones are numbers. */
export type ParamValue = TypedParam['value']['value']

/** Gives `{ 'state.state': 1, 'cpu.time': 190000000n, … }`. If a name occurs twice, takes the last value. */
export function fromParams(params: readonly TypedParam[]): Record<string, ParamValue> {
  const record: Record<string, ParamValue> = {}
  // A parameter named `__proto__` changes no prototype, because no value is an object.
  for (const { field, value } of params) record[field] = value.value
  return record
}

/** The type of each parameter, from libvirt's documentation. */
export type ParamTypes = Readonly<Record<string, TypedParam['value']['type']>>

type InputOf<T extends TypedParam['value']['type']> = Extract<TypedParamInput['value'], { type: T }>['value']

/** A list gives several parameters of the same name. */
export type ParamInput<T extends ParamTypes> = { [K in keyof T]?: InputOf<T[K]> | readonly InputOf<T[K]>[] | undefined }

/** Leaves out values that are undefined. */
export function toParams<const T extends ParamTypes>(types: T, values: ParamInput<T>): TypedParamInput[] {
  return Object.entries(values).flatMap(([field, given]) => {
    if (given === undefined) return []
    const items: readonly unknown[] = Array.isArray(given) ? given : [given]
    // `ParamInput` ties each value to its type, but `Object.entries` loses this.
    return items.map((value) => ({ field, value: { type: types[field], value } as TypedParamInput['value'] }))
  })
}

/** VIR_MIGRATE_PARAM_*. Bandwidths are in MiB/s. */
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
  /** Target names, such as vda. Default: all disks. */
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

/** `bandwidth` is in bytes per second. */
export const blockCopyParams = {
  bandwidth: 'ullong',
  granularity: 'uint',
  'buf-size': 'ullong',
} as const satisfies ParamTypes
