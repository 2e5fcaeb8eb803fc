import {
  arrayOf,
  bool,
  charsUpTo,
  flags,
  int,
  nothing,
  optionalOf,
  string,
  structOf,
  uhyper,
  uint,
} from '../wire/types.ts'
import { domain, listMax, typedParamsUpTo } from './common.ts'
import { nameEntries } from './named.ts'
import { remoteProcedure } from './procedure.ts'

const saslMax = 65_536
const saslStep = structOf({ complete: bool, nil: bool, data: charsUpTo(saslMax) })
/** If `needResults` is false, the daemon sends only the number of items (`ret`). */
const listArgs = structOf({ needResults: bool, flags })

export const connectProcedures = nameEntries({
  connectOpen: remoteProcedure(1, structOf({ name: optionalOf(string), flags }), nothing),
  connectClose: remoteProcedure(2, nothing, nothing),
  /** 1000000 × major + 1000 × minor + release. */
  connectGetVersion: remoteProcedure(4, nothing, structOf({ version: uhyper })),
  connectGetLibVersion: remoteProcedure(157, nothing, structOf({ version: uhyper })),
  connectGetHostname: remoteProcedure(59, nothing, structOf({ hostname: string })),
  connectGetUri: remoteProcedure(110, nothing, structOf({ uri: string })),
  connectGetCapabilities: remoteProcedure(7, nothing, structOf({ capabilities: string })),
  connectGetDomainCapabilities: remoteProcedure(
    342,
    structOf({
      emulator: optionalOf(string),
      arch: optionalOf(string),
      machine: optionalOf(string),
      virtType: optionalOf(string),
      flags,
    }),
    structOf({ capabilities: string }),
  ),
  /** `result` is a virCPUCompareResult: 0 incompatible, 1 identical, 2 superset. */
  connectCompareHypervisorCpu: remoteProcedure(
    393,
    structOf({
      emulator: optionalOf(string),
      arch: optionalOf(string),
      machine: optionalOf(string),
      virtType: optionalOf(string),
      xmlCpu: string,
      flags,
    }),
    structOf({ result: int }),
  ),
  /** `feature` is a `driverFeature` (constants.ts). Asking for `programKeepAlive` allows the daemon to send PINGs. */
  connectSupportsFeature: remoteProcedure(60, structOf({ feature: int }), structOf({ supported: bool })),
  connectListAllDomains: remoteProcedure(273, listArgs, structOf({ domains: arrayOf(domain, listMax), ret: uint })),
  /**
   * Empty `doms` means all domains. `stats` is a set of `domainStats` bits; 0 means all groups. Convert the `params` of
   * each record with `fromParams`.
   */
  connectGetAllDomainStats: remoteProcedure(
    344,
    structOf({ doms: arrayOf(domain, listMax), stats: flags, flags }),
    structOf({ records: arrayOf(structOf({ dom: domain, params: typedParamsUpTo(262_144) }), listMax) }),
  ),
  connectDomainEventCallbackRegisterAny: remoteProcedure(
    316,
    structOf({ eventId: int, dom: optionalOf(domain) }),
    structOf({ callbackId: int }),
  ),
  connectDomainEventCallbackDeregisterAny: remoteProcedure(317, structOf({ callbackId: int }), nothing),

  /** `types` are the methods that the daemon accepts: 0 none, 1 SASL, 2 polkit. */
  authList: remoteProcedure(66, nothing, structOf({ types: arrayOf(int, 20) })),
  authSaslInit: remoteProcedure(67, nothing, structOf({ mechanisms: string })),
  authSaslStart: remoteProcedure(68, structOf({ mechanism: string, nil: bool, data: charsUpTo(saslMax) }), saslStep),
  authSaslStep: remoteProcedure(69, structOf({ nil: bool, data: charsUpTo(saslMax) }), saslStep),
  authPolkit: remoteProcedure(70, nothing, structOf({ complete: bool })),
})
