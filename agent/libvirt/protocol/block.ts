// A domain's disks: size, tuning, the jobs that copy, pull and commit them, and backups.
import { bool, flags, int, nothing, optional, string, struct, uhyper } from '../wire/types.ts'
import { anXml, domain, typedParams } from './common.ts'
import { named, remote } from './procedure.ts'

const onPath = struct({ dom: domain, path: string, flags })

export const blockProcedures = named({
  /** Sizes in bytes. */
  domainGetBlockInfo: remote(194, onPath, struct({ allocation: uhyper, capacity: uhyper, physical: uhyper })),
  /** `size` in KiB, or in bytes with `blockResizeFlags.bytes`. */
  domainBlockResize: remote(251, struct({ dom: domain, disk: string, size: uhyper, flags }), nothing),
  domainSetBlockIoTune: remote(252, struct({ dom: domain, disk: string, params: typedParams(32), flags }), nothing),

  /** `found` is false if the disk has no job. Type: `blockJobType`; `cur` of `end` is done. */
  domainGetBlockJobInfo: remote(
    238,
    onPath,
    struct({ found: bool, type: int, bandwidth: uhyper, cur: uhyper, end: uhyper }),
  ),
  domainBlockJobAbort: remote(237, onPath, nothing),
  domainBlockJobSetSpeed: remote(239, struct({ dom: domain, path: string, bandwidth: uhyper, flags }), nothing),
  domainBlockPull: remote(240, struct({ dom: domain, path: string, bandwidth: uhyper, flags }), nothing),
  domainBlockRebase: remote(
    266,
    struct({ dom: domain, path: string, base: optional(string), bandwidth: uhyper, flags }),
    nothing,
  ),
  domainBlockCommit: remote(
    290,
    struct({ dom: domain, disk: string, base: optional(string), top: optional(string), bandwidth: uhyper, flags }),
    nothing,
  ),
  domainBlockCopy: remote(
    345,
    struct({ dom: domain, path: string, destXml: string, params: typedParams(16), flags }),
    nothing,
  ),

  domainBackupBegin: remote(
    421,
    struct({ dom: domain, backupXml: string, checkpointXml: optional(string), flags }),
    nothing,
  ),
  domainBackupGetXmlDesc: remote(422, struct({ dom: domain, flags }), anXml),
})
