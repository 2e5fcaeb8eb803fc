import {
  arrayOf,
  bool,
  double,
  hyper,
  type Input,
  int,
  type Output,
  optionalOf,
  string,
  structOf,
  uhyper,
  uint,
  unionOf,
  uuid,
} from '../wire/types.ts'

/** REMOTE_*_LIST_MAX in libvirt. */
export const listMax = 16_384

/** libvirt finds the domain by its UUID. `id` is -1 while the domain is off; callers may always pass -1. */
export const domain = structOf({ name: string, uuid, id: int })
export type DomainRef = Output<typeof domain>

/** Only errors contain a reference to a network. */
const network = structOf({ name: string, uuid })

export const storagePool = structOf({ name: string, uuid })
export type StoragePoolRef = Output<typeof storagePool>

export const storageVol = structOf({ pool: string, name: string, key: string })
export type StorageVolRef = Output<typeof storageVol>

export const snapshot = structOf({ name: string, dom: domain })
export type SnapshotRef = Output<typeof snapshot>

export const checkpoint = structOf({ name: string, dom: domain })
export type CheckpointRef = Output<typeof checkpoint>

/**
 * libvirt's documentation lists the names for each procedure. params.ts converts typed parameters to plain objects and
 * back.
 */
export const typedParam = structOf({
  field: string,
  value: unionOf({
    int: [1, int],
    uint: [2, uint],
    llong: [3, hyper],
    ullong: [4, uhyper],
    double: [5, double],
    boolean: [6, bool],
    string: [7, string],
  }),
})
export type TypedParam = Output<typeof typedParam>
export type TypedParamInput = Input<typeof typedParam>

export function typedParamsUpTo(max: number) {
  return arrayOf(typedParam, max)
}

/** An error as libvirt sends it (virNetMessageError). */
export const wireError = structOf({
  code: int,
  domain: int,
  message: optionalOf(string),
  level: int,
  dom: optionalOf(domain),
  str1: optionalOf(string),
  str2: optionalOf(string),
  str3: optionalOf(string),
  int1: int,
  int2: int,
  net: optionalOf(network),
})

export const domainArgs = structOf({ dom: domain })
export const domainResult = structOf({ dom: domain })
export const xmlResult = structOf({ xml: string })
