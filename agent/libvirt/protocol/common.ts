// Types that several procedures use: references to objects, typed parameters, libvirt's error.
import {
  array,
  bool,
  double,
  hyper,
  type Input,
  int,
  type Output,
  optional,
  string,
  struct,
  uhyper,
  uint,
  union,
  uuid,
} from '../wire/types.ts'

/** Longest list of objects that libvirt sends (REMOTE_*_LIST_MAX). */
export const listMax = 16_384

/** A domain. libvirt identifies it by the UUID. `id` is -1 while the domain is off; a caller may always pass -1. */
export const domain = struct({ name: string, uuid, id: int })
export type DomainRef = Output<typeof domain>

/** Part of an error; this client has no procedures for libvirt's networks. */
const network = struct({ name: string, uuid })

export const storagePool = struct({ name: string, uuid })
export type StoragePoolRef = Output<typeof storagePool>

export const storageVol = struct({ pool: string, name: string, key: string })
export type StorageVolRef = Output<typeof storageVol>

export const snapshot = struct({ name: string, dom: domain })
export type SnapshotRef = Output<typeof snapshot>

export const checkpoint = struct({ name: string, dom: domain })
export type CheckpointRef = Output<typeof checkpoint>

/**
 * A named value. libvirt's documentation gives the names for each procedure; params.ts converts from and to plain
 * objects.
 */
export const typedParam = struct({
  field: string,
  value: union({
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

export function typedParams(max: number) {
  return array(typedParam, max)
}

/** An error as libvirt sends it (virNetMessageError). */
export const wireError = struct({
  code: int,
  domain: int,
  message: optional(string),
  level: int,
  dom: optional(domain),
  str1: optional(string),
  str2: optional(string),
  str3: optional(string),
  int1: int,
  int2: int,
  net: optional(network),
})

/** Arguments of a procedure that takes only a domain. */
export const onDomain = struct({ dom: domain })
/** Result of a procedure that gives a domain. */
export const aDomain = struct({ dom: domain })
/** Result of a procedure that gives an XML document. */
export const anXml = struct({ xml: string })
