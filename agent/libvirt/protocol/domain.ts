// Domains: definition, power, state, save images, what they are told and asked. Disks, devices and migration are apart.
import {
  array,
  bool,
  flags,
  hyper,
  int,
  nothing,
  opaque,
  optional,
  string,
  struct,
  uhyper,
  uint,
  uuid,
} from '../wire/types.ts'
import { aDomain, anXml, domain, onDomain, typedParams } from './common.ts'
import { named, remote, remoteStream } from './procedure.ts'

const withFlags = struct({ dom: domain, flags })
const slow = { slow: true } as const

export const domainProcedures = named({
  domainLookupById: remote(22, struct({ id: int }), aDomain),
  domainLookupByName: remote(23, struct({ name: string }), aDomain),
  domainLookupByUuid: remote(24, struct({ uuid }), aDomain),
  domainDefineXmlFlags: remote(350, struct({ xml: string, flags }), aDomain),
  domainUndefineFlags: remote(231, withFlags, nothing),
  domainRename: remote(358, struct({ dom: domain, newName: optional(string), flags }), struct({ ret: int })),

  domainCreateXml: remote(10, struct({ xml: string, flags }), aDomain, slow),
  domainCreateWithFlags: remote(196, withFlags, aDomain, slow),
  domainSuspend: remote(34, onDomain, nothing),
  domainResume: remote(28, onDomain, nothing),
  domainShutdownFlags: remote(258, withFlags, nothing),
  domainReboot: remote(27, withFlags, nothing),
  domainReset: remote(245, withFlags, nothing),
  domainDestroyFlags: remote(234, withFlags, nothing),
  domainInjectNmi: remote(210, withFlags, nothing),
  /** `codeset`: `keycodeSet`; `holdTime` in milliseconds. */
  domainSendKey: remote(
    226,
    struct({ dom: domain, codeset: uint, holdTime: uint, keycodes: array(uint, 16), flags }),
    nothing,
  ),
  /** `target`: 0 memory, 1 disk, 2 both; `duration` must be 0. */
  domainPmSuspendForDuration: remote(
    261,
    struct({ dom: domain, target: uint, duration: uhyper, flags }),
    nothing,
    slow,
  ),
  domainPmWakeup: remote(267, withFlags, nothing),

  domainIsActive: remote(150, onDomain, struct({ active: bool })),
  domainIsPersistent: remote(151, onDomain, struct({ persistent: bool })),
  /** Memory in KiB, CPU time in nanoseconds, state: `domainState`. */
  domainGetInfo: remote(
    16,
    onDomain,
    struct({ state: uint, maxMemory: uhyper, memory: uhyper, vcpus: uint, cpuTime: uhyper }),
  ),
  /** State: `domainState`; what `reason` means depends on it. */
  domainGetState: remote(212, withFlags, struct({ state: int, reason: int })),
  domainGetXmlDesc: remote(14, withFlags, anXml),
  /** `state`: 0 ok, 1 a job, 2 occupied, 3 error; `stateTime` milliseconds since then. */
  domainGetControlInfo: remote(229, withFlags, struct({ state: uint, details: uint, stateTime: uhyper })),
  domainGetMessages: remote(426, withFlags, struct({ messages: array(string, 2048) })),
  domainGetAutostart: remote(15, onDomain, struct({ autostart: bool })),
  domainSetAutostart: remote(29, struct({ dom: domain, autostart: bool }), nothing),
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
  domainManagedSaveDefineXml: remote(389, struct({ dom: domain, xml: optional(string), flags }), nothing),
  domainSaveFlags: remote(232, struct({ dom: domain, to: string, xml: optional(string), flags }), nothing, slow),
  domainRestoreFlags: remote(233, struct({ from: string, xml: optional(string), flags }), nothing, slow),
  domainSaveImageGetXmlDesc: remote(235, struct({ file: string, flags }), anXml),
  domainSaveImageDefineXml: remote(236, struct({ file: string, xml: string, flags }), nothing),
  /** `format`: 0 raw, 1 zlib, 2 lzo, 3 snappy of kdump; flags: `coreDumpFlags`. */
  domainCoreDumpWithFormat: remote(334, struct({ dom: domain, to: string, format: uint, flags }), nothing, slow),

  /** Memory in KiB. */
  domainSetMemoryFlags: remote(204, struct({ dom: domain, memory: uhyper, flags }), nothing),
  domainSetMemoryStatsPeriod: remote(308, struct({ dom: domain, period: int, flags }), nothing),
  /** `tag`: `memoryStat`; values in KiB where they are memory. */
  domainMemoryStats: remote(
    159,
    struct({ dom: domain, maxStats: uint, flags }),
    struct({ stats: array(struct({ tag: int, value: uhyper }), 1024) }),
  ),
  domainSetVcpusFlags: remote(199, struct({ dom: domain, vcpus: uint, flags }), nothing),
  domainGetVcpusFlags: remote(200, withFlags, struct({ vcpus: int })),
  /** For each vCPU its state, time and host CPU; `cpumaps` has `maplen` bytes for each. */
  domainGetVcpus: remote(
    20,
    struct({ dom: domain, maxInfo: int, mapLength: int }),
    struct({
      info: array(struct({ number: uint, state: int, cpuTime: uhyper, cpu: int }), 16_384),
      cpumaps: opaque(8_388_608),
    }),
  ),

  domainSetUserPassword: remote(
    357,
    struct({ dom: domain, user: optional(string), password: optional(string), flags }),
    nothing,
    slow,
  ),
  domainSetTime: remote(338, struct({ dom: domain, seconds: hyper, nanoseconds: uint, flags }), nothing, slow),
  domainGetTime: remote(337, withFlags, struct({ seconds: hyper, nanoseconds: uint }), slow),
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
  /** `types`: 0 for all; read with `fromParams`. */
  domainGetGuestInfo: remote(
    418,
    struct({ dom: domain, types: flags, flags }),
    struct({ params: typedParams(2048) }),
    slow,
  ),
  domainAgentSetResponseTimeout: remote(420, struct({ dom: domain, timeout: int, flags }), struct({ result: int })),

  /** The console's bytes, both ways. `device` null: the first console. */
  domainOpenConsole: remoteStream(201, struct({ dom: domain, device: optional(string), flags }), nothing, 'duplex'),
  domainOpenChannel: remoteStream(296, struct({ dom: domain, name: optional(string), flags }), nothing, 'duplex'),
  /** An image of the screen, of type `mime`. */
  domainScreenshot: remoteStream(
    211,
    struct({ dom: domain, screen: uint, flags }),
    struct({ mime: optional(string) }),
    'download',
  ),
})
