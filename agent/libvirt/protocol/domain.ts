import { arrayOf, bool, flags, int, nothing, optionalOf, string, structOf, uhyper, uint, uuid } from '../wire/types.ts'
import { domain, domainArgs, domainResult, xmlResult } from './common.ts'
import { nameEntries } from './named.ts'
import { remoteProcedure, remoteStreamProcedure, slowCall } from './procedure.ts'

const domainFlagsArgs = structOf({ dom: domain, flags })

export const domainProcedures = nameEntries({
  domainLookupByUuid: remoteProcedure(24, structOf({ uuid }), domainResult),
  domainDefineXmlFlags: remoteProcedure(350, structOf({ xml: string, flags }), domainResult),
  domainGetAutostart: remoteProcedure(15, domainArgs, structOf({ autostart: bool })),
  domainSetAutostart: remoteProcedure(29, structOf({ dom: domain, autostart: bool }), nothing),
  domainUndefineFlags: remoteProcedure(231, domainFlagsArgs, nothing),

  domainCreateXml: remoteProcedure(10, structOf({ xml: string, flags }), domainResult, slowCall),
  domainCreateWithFlags: remoteProcedure(196, domainFlagsArgs, domainResult, slowCall),
  domainSuspend: remoteProcedure(34, domainArgs, nothing),
  domainResume: remoteProcedure(28, domainArgs, nothing),
  domainShutdownFlags: remoteProcedure(258, domainFlagsArgs, nothing),
  domainDestroyFlags: remoteProcedure(234, domainFlagsArgs, nothing),
  domainInjectNmi: remoteProcedure(210, domainFlagsArgs, nothing),
  domainPmWakeup: remoteProcedure(267, domainFlagsArgs, nothing),

  domainIsActive: remoteProcedure(150, domainArgs, structOf({ active: bool })),
  domainIsPersistent: remoteProcedure(151, domainArgs, structOf({ persistent: bool })),
  /** `memory` and `maxMemory` are in KiB, `cpuTime` in nanoseconds. `state` is a `domainState`. */
  domainGetInfo: remoteProcedure(
    16,
    domainArgs,
    structOf({ state: uint, maxMemory: uhyper, memory: uhyper, vcpus: uint, cpuTime: uhyper }),
  ),
  /** `state` is a `domainState`. The meaning of `reason` depends on the state (see states.ts). */
  domainGetState: remoteProcedure(212, domainFlagsArgs, structOf({ state: int, reason: int })),
  domainGetXmlDesc: remoteProcedure(14, domainFlagsArgs, xmlResult),
  domainGetMetadata: remoteProcedure(
    265,
    structOf({ dom: domain, type: int, uri: optionalOf(string), flags }),
    structOf({ metadata: string }),
  ),
  /**
   * `type` is a `metadataType`. A `metadata` of null removes the entry. `key` and `uri` are only for the type
   * `element`.
   */
  domainSetMetadata: remoteProcedure(
    264,
    structOf({
      dom: domain,
      type: int,
      metadata: optionalOf(string),
      key: optionalOf(string),
      uri: optionalOf(string),
      flags,
    }),
    nothing,
  ),

  domainManagedSave: remoteProcedure(182, domainFlagsArgs, nothing, slowCall),
  domainHasManagedSaveImage: remoteProcedure(183, domainFlagsArgs, structOf({ result: bool })),
  domainManagedSaveRemove: remoteProcedure(184, domainFlagsArgs, nothing),
  domainManagedSaveGetXmlDesc: remoteProcedure(388, domainFlagsArgs, xmlResult),

  /** `memory` is in KiB. */
  domainSetMemoryFlags: remoteProcedure(204, structOf({ dom: domain, memory: uhyper, flags }), nothing),
  domainSetVcpusFlags: remoteProcedure(199, structOf({ dom: domain, vcpus: uint, flags }), nothing),
  domainGetVcpusFlags: remoteProcedure(200, domainFlagsArgs, structOf({ vcpus: int })),

  /** Flag 1 means that `password` is encrypted already. */
  domainSetUserPassword: remoteProcedure(
    357,
    structOf({ dom: domain, user: optionalOf(string), password: optionalOf(string), flags }),
    nothing,
    slowCall,
  ),
  domainFsfreeze: remoteProcedure(
    335,
    structOf({ dom: domain, mountpoints: arrayOf(string, 256), flags }),
    structOf({ filesystems: int }),
    slowCall,
  ),
  domainFsthaw: remoteProcedure(
    336,
    structOf({ dom: domain, mountpoints: arrayOf(string, 256), flags }),
    structOf({ filesystems: int }),
    slowCall,
  ),

  /** A `device` of null means the first console. */
  domainOpenConsole: remoteStreamProcedure(201, structOf({ dom: domain, device: optionalOf(string), flags }), 'duplex'),
})
