// Domains: definition, power, state, managed save, memory and vCPUs, guest agent, console. Other files of this folder
// have disks, devices, snapshots and migration.
import { array, bool, flags, int, nothing, optional, string, struct, uhyper, uint, uuid } from '../wire/types.ts'
import { aDomain, anXml, domain, onDomain } from './common.ts'
import { named, remote, remoteStream } from './procedure.ts'

const withFlags = struct({ dom: domain, flags })
const slow = { slow: true } as const

export const domainProcedures = named({
  domainLookupByUuid: remote(24, struct({ uuid }), aDomain),
  domainDefineXmlFlags: remote(350, struct({ xml: string, flags }), aDomain),
  domainUndefineFlags: remote(231, withFlags, nothing),

  domainCreateXml: remote(10, struct({ xml: string, flags }), aDomain, slow),
  domainCreateWithFlags: remote(196, withFlags, aDomain, slow),
  domainSuspend: remote(34, onDomain, nothing),
  domainResume: remote(28, onDomain, nothing),
  domainShutdownFlags: remote(258, withFlags, nothing),
  domainDestroyFlags: remote(234, withFlags, nothing),
  /** Sends an NMI to the guest, whose kernel usually writes a crash dump then. */
  domainInjectNmi: remote(210, withFlags, nothing),
  /** Wakes a guest that suspended itself (state `pmsuspended`). */
  domainPmWakeup: remote(267, withFlags, nothing),

  domainIsActive: remote(150, onDomain, struct({ active: bool })),
  domainIsPersistent: remote(151, onDomain, struct({ persistent: bool })),
  /** Memory in KiB, CPU time in nanoseconds, state: `domainState`. */
  domainGetInfo: remote(
    16,
    onDomain,
    struct({ state: uint, maxMemory: uhyper, memory: uhyper, vcpus: uint, cpuTime: uhyper }),
  ),
  /** State: `domainState`; the meaning of `reason` depends on the state. */
  domainGetState: remote(212, withFlags, struct({ state: int, reason: int })),
  domainGetXmlDesc: remote(14, withFlags, anXml),
  domainGetMetadata: remote(
    265,
    struct({ dom: domain, type: int, uri: optional(string), flags }),
    struct({ metadata: string }),
  ),
  /** Type: `metadataType`. `metadata` null removes; `key` and `uri` are for elements. */
  domainSetMetadata: remote(
    264,
    struct({
      dom: domain,
      type: int,
      metadata: optional(string),
      key: optional(string),
      uri: optional(string),
      flags,
    }),
    nothing,
  ),

  domainManagedSave: remote(182, withFlags, nothing, slow),
  domainHasManagedSaveImage: remote(183, withFlags, struct({ result: bool })),
  domainManagedSaveRemove: remote(184, withFlags, nothing),
  domainManagedSaveGetXmlDesc: remote(388, withFlags, anXml),

  /** Memory in KiB. */
  domainSetMemoryFlags: remote(204, struct({ dom: domain, memory: uhyper, flags }), nothing),
  domainSetVcpusFlags: remote(199, struct({ dom: domain, vcpus: uint, flags }), nothing),
  domainGetVcpusFlags: remote(200, withFlags, struct({ vcpus: int })),

  /** The guest agent sets the password. Flag 1: `password` is encrypted already. */
  domainSetUserPassword: remote(
    357,
    struct({ dom: domain, user: optional(string), password: optional(string), flags }),
    nothing,
    slow,
  ),
  domainFsfreeze: remote(
    335,
    struct({ dom: domain, mountpoints: array(string, 256), flags }),
    struct({ filesystems: int }),
    slow,
  ),
  domainFsthaw: remote(
    336,
    struct({ dom: domain, mountpoints: array(string, 256), flags }),
    struct({ filesystems: int }),
    slow,
  ),

  /** The console's bytes, both ways. `device` null: the first console. */
  domainOpenConsole: remoteStream(201, struct({ dom: domain, device: optional(string), flags }), 'duplex'),
})
