// Opening a connection, authentication, facts of the daemon and its hypervisor, lists of domains, registering for
// events.
import { array, bool, chars, flags, int, nothing, optional, string, struct, uhyper, uint } from '../wire/types.ts'
import { domain, listMax, typedParams } from './common.ts'
import { named, remote } from './procedure.ts'

const saslMax = 65_536
const saslStep = struct({ complete: bool, nil: bool, data: chars(saslMax) })
/** Without `needResults` the daemon sends only the count `ret`. */
const listArgs = struct({ needResults: bool, flags })

export const connectProcedures = named({
  connectOpen: remote(1, struct({ name: optional(string), flags }), nothing),
  connectClose: remote(2, nothing, nothing),
  /** 1000000 × major + 1000 × minor + release, of the hypervisor. */
  connectGetVersion: remote(4, nothing, struct({ version: uhyper })),
  connectGetLibVersion: remote(157, nothing, struct({ version: uhyper })),
  connectGetHostname: remote(59, nothing, struct({ hostname: string })),
  connectGetUri: remote(110, nothing, struct({ uri: string })),
  connectGetCapabilities: remote(7, nothing, struct({ capabilities: string })),
  connectGetDomainCapabilities: remote(
    342,
    struct({
      emulator: optional(string),
      arch: optional(string),
      machine: optional(string),
      virtType: optional(string),
      flags,
    }),
    struct({ capabilities: string }),
  ),
  /** Result: virCPUCompareResult (0 incompatible, 1 identical, 2 superset). */
  connectCompareHypervisorCpu: remote(
    393,
    struct({
      emulator: optional(string),
      arch: optional(string),
      machine: optional(string),
      virtType: optional(string),
      xmlCpu: string,
      flags,
    }),
    struct({ result: int }),
  ),
  /**
   * Feature: `driverFeature` in constants.ts. Asking for `programKeepAlive` also lets the daemon send its own PINGs.
   */
  connectSupportsFeature: remote(60, struct({ feature: int }), struct({ supported: bool })),
  connectListAllDomains: remote(273, listArgs, struct({ domains: array(domain, listMax), ret: uint })),
  /** `doms` empty: all. `stats`: `domainStats` bits, 0 for all groups. Read records with `fromParams`. */
  connectGetAllDomainStats: remote(
    344,
    struct({ doms: array(domain, listMax), stats: flags, flags }),
    struct({ records: array(struct({ dom: domain, params: typedParams(262_144) }), listMax) }),
  ),
  connectDomainEventCallbackRegisterAny: remote(
    316,
    struct({ eventId: int, dom: optional(domain) }),
    struct({ callbackId: int }),
  ),
  connectDomainEventCallbackDeregisterAny: remote(317, struct({ callbackId: int }), nothing),

  /** Types: 0 none, 1 SASL, 2 polkit. */
  authList: remote(66, nothing, struct({ types: array(int, 20) })),
  authSaslInit: remote(67, nothing, struct({ mechanisms: string })),
  authSaslStart: remote(68, struct({ mechanism: string, nil: bool, data: chars(saslMax) }), saslStep),
  authSaslStep: remote(69, struct({ nil: bool, data: chars(saslMax) }), saslStep),
  authPolkit: remote(70, nothing, struct({ complete: bool })),
})
