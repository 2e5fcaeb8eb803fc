// Types that several procedures use: references to objects, typed parameters, errors.
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

/** The most objects in a list that libvirt sends (REMOTE_*_LIST_MAX). */
export const listMax = 16_384

/**
 * A reference to a domain. libvirt finds the domain by its UUID. `id` is -1 while the domain is off; callers may always
 * pass -1.
 */
export const domain = structOf({ name: string, uuid, id: int })
export type DomainRef = Output<typeof domain>

/** A reference to a libvirt network. Only errors contain it; this client has no procedures for networks. */
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
 * A value with a name and a type. libvirt's documentation lists the names for each procedure. params.ts converts typed
 * parameters to plain objects and back.
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

/** The arguments of a procedure that takes only a domain. */
export const domainArgs = structOf({ dom: domain })
/** The result of a procedure that returns a domain. */
export const domainResult = structOf({ dom: domain })
/** The result of a procedure that returns an XML document. */
export const xmlResult = structOf({ xml: string })
