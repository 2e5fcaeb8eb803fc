// A domain's disks: statistics, size, errors, and the jobs that copy, pull and commit them.
import { array, bool, flags, hyper, int, nothing, optional, string, struct, uhyper, uint } from '../wire/types.ts'
import { anXml, domain, typedParams } from './common.ts'
import { named, remote } from './procedure.ts'

const onPath = struct({ dom: domain, path: string, flags })

export const blockProcedures = named({
  domainBlockStats: remote(
    64,
    struct({ dom: domain, path: string }),
    struct({ rdReq: hyper, rdBytes: hyper, wrReq: hyper, wrBytes: hyper, errs: hyper }),
  ),
  /** Bytes. */
  domainGetBlockInfo: remote(194, onPath, struct({ allocation: uhyper, capacity: uhyper, physical: uhyper })),
  /** `size` in KiB, or in bytes with `blockResizeFlags.bytes`. */
  domainBlockResize: remote(251, struct({ dom: domain, disk: string, size: uhyper, flags }), nothing),
  /** `error`: 0 none, 1 unspecified, 2 no space. */
  domainGetDiskErrors: remote(
    263,
    struct({ dom: domain, maxErrors: uint, flags }),
    struct({ errors: array(struct({ disk: string, error: int }), 256), count: int }),
  ),
  domainSetBlockIoTune: remote(252, struct({ dom: domain, disk: string, params: typedParams(32), flags }), nothing),

  /** `found` false: no job is running there. Type: `blockJobType`; `cur` of `end` is done. */
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
