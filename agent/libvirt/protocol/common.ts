// Types that many calls share: references to objects, typed parameters, the wire's error.
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

/** Longest list of domains, networks, volumes… that libvirt sends (REMOTE_*_LIST_MAX). */
export const listMax = 16_384

/** A domain: libvirt looks at the UUID; `id` is -1 while it is off, and -1 will do in every call. */
export const domain = struct({ name: string, uuid, id: int })
export type DomainRef = Output<typeof domain>

export const network = struct({ name: string, uuid })
export type NetworkRef = Output<typeof network>

export const storagePool = struct({ name: string, uuid })
export type StoragePoolRef = Output<typeof storagePool>

export const storageVol = struct({ pool: string, name: string, key: string })
export type StorageVolRef = Output<typeof storageVol>

export const secret = struct({ uuid, usageType: int, usageId: string })
export type SecretRef = Output<typeof secret>

export const snapshot = struct({ name: string, dom: domain })
export type SnapshotRef = Output<typeof snapshot>

export const checkpoint = struct({ name: string, dom: domain })
export type CheckpointRef = Output<typeof checkpoint>

/** One named value of a list whose names a procedure's documentation gives; see params.ts for plain objects. */
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

/** virNetMessageError. */
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

/** Arguments of the many calls that take a domain only. */
export const onDomain = struct({ dom: domain })
/** A call that gives a domain back. */
export const aDomain = struct({ dom: domain })
/** A call that gives an XML document. */
export const anXml = struct({ xml: string })
