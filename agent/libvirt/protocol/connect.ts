// Opening a connection, authentication, facts of the daemon and its hypervisor, lists of domains, registering for
// events.
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
/** Without `needResults` the daemon sends only the count `ret`. */
const listArgs = structOf({ needResults: bool, flags })

export const connectProcedures = nameEntries({
  connectOpen: remoteProcedure(1, structOf({ name: optionalOf(string), flags }), nothing),
  connectClose: remoteProcedure(2, nothing, nothing),
  /** 1000000 × major + 1000 × minor + release, of the hypervisor. */
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
  /** Result: virCPUCompareResult (0 incompatible, 1 identical, 2 superset). */
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
  /**
   * Feature: `driverFeature` in constants.ts. Asking for `programKeepAlive` also lets the daemon send its own PINGs.
   */
  connectSupportsFeature: remoteProcedure(60, structOf({ feature: int }), structOf({ supported: bool })),
  connectListAllDomains: remoteProcedure(273, listArgs, structOf({ domains: arrayOf(domain, listMax), ret: uint })),
  /** `doms` empty: all. `stats`: `domainStats` bits, 0 for all groups. Read records with `fromParams`. */
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

  /** Types: 0 none, 1 SASL, 2 polkit. */
  authList: remoteProcedure(66, nothing, structOf({ types: arrayOf(int, 20) })),
  authSaslInit: remoteProcedure(67, nothing, structOf({ mechanisms: string })),
  authSaslStart: remoteProcedure(68, structOf({ mechanism: string, nil: bool, data: charsUpTo(saslMax) }), saslStep),
  authSaslStep: remoteProcedure(69, structOf({ nil: bool, data: charsUpTo(saslMax) }), saslStep),
  authPolkit: remoteProcedure(70, nothing, structOf({ complete: bool })),
})
