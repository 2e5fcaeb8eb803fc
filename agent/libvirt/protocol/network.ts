// Virtual networks and secrets.
import { array, bool, flags, hyper, int, nothing, opaque, optional, string, struct, uint, uuid } from '../wire/types.ts'
import { anXml, network, secret } from './common.ts'
import { named, remote } from './procedure.ts'

const onNet = struct({ net: network })
const aNet = struct({ net: network })
const aSecret = struct({ secret })
const secretMax = 65_536

export const networkProcedures = named({
  networkLookupByName: remote(46, struct({ name: string }), aNet),
  networkLookupByUuid: remote(47, struct({ uuid }), aNet),
  networkDefineXml: remote(41, struct({ xml: string }), aNet),
  networkCreate: remote(39, onNet, nothing),
  networkDestroy: remote(42, onNet, nothing),
  networkUndefine: remote(49, onNet, nothing),
  networkGetXmlDesc: remote(43, struct({ net: network, flags }), anXml),
  networkGetBridgeName: remote(45, onNet, struct({ name: string })),
  networkIsActive: remote(152, onNet, struct({ active: bool })),
  networkGetDhcpLeases: remote(
    341,
    struct({ net: network, mac: optional(string), needResults: bool, flags }),
    struct({
      leases: array(
        struct({
          iface: string,
          expiryTime: hyper,
          type: int,
          mac: optional(string),
          iaid: optional(string),
          ipaddr: string,
          prefix: uint,
          hostname: optional(string),
          clientId: optional(string),
        }),
        65_536,
      ),
      ret: uint,
    }),
  ),

  secretLookupByUuid: remote(141, struct({ uuid }), aSecret),
  secretLookupByUsage: remote(147, struct({ usageType: int, usageId: string }), aSecret),
  secretDefineXml: remote(142, struct({ xml: string, flags }), aSecret),
  secretGetXmlDesc: remote(143, struct({ secret, flags }), anXml),
  secretSetValue: remote(144, struct({ secret, value: opaque(secretMax), flags }), nothing),
  secretGetValue: remote(145, struct({ secret, flags }), struct({ value: opaque(secretMax) })),
  secretUndefine: remote(146, struct({ secret }), nothing),
})
