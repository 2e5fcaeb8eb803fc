import { bool, flags, int, nothing, optionalOf, string, structOf, uhyper } from '../wire/types.ts'
import { domain, typedParamsUpTo, xmlResult } from './common.ts'
import { nameEntries } from './named.ts'
import { remoteProcedure } from './procedure.ts'

const diskPathArgs = structOf({ dom: domain, path: string, flags })

export const blockProcedures = nameEntries({
  /** All sizes are in bytes. */
  domainGetBlockInfo: remoteProcedure(
    194,
    diskPathArgs,
    structOf({ allocation: uhyper, capacity: uhyper, physical: uhyper }),
  ),
  /** `size` is in KiB, or in bytes with the flag `blockResizeFlags.bytes`. */
  domainBlockResize: remoteProcedure(251, structOf({ dom: domain, disk: string, size: uhyper, flags }), nothing),
  domainSetBlockIoTune: remoteProcedure(
    252,
    structOf({ dom: domain, disk: string, params: typedParamsUpTo(32), flags }),
    nothing,
  ),

  /**
   * `found` is false if the disk has no block job. `type` is a `blockJobType`. The job is complete when `cur` reaches
   * `end`.
   */
  domainGetBlockJobInfo: remoteProcedure(
    238,
    diskPathArgs,
    structOf({ found: bool, type: int, bandwidth: uhyper, cur: uhyper, end: uhyper }),
  ),
  domainBlockJobAbort: remoteProcedure(237, diskPathArgs, nothing),
  domainBlockJobSetSpeed: remoteProcedure(
    239,
    structOf({ dom: domain, path: string, bandwidth: uhyper, flags }),
    nothing,
  ),
  domainBlockPull: remoteProcedure(240, structOf({ dom: domain, path: string, bandwidth: uhyper, flags }), nothing),
  domainBlockRebase: remoteProcedure(
    266,
    structOf({ dom: domain, path: string, base: optionalOf(string), bandwidth: uhyper, flags }),
    nothing,
  ),
  domainBlockCommit: remoteProcedure(
    290,
    structOf({
      dom: domain,
      disk: string,
      base: optionalOf(string),
      top: optionalOf(string),
      bandwidth: uhyper,
      flags,
    }),
    nothing,
  ),
  domainBlockCopy: remoteProcedure(
    345,
    structOf({ dom: domain, path: string, destXml: string, params: typedParamsUpTo(16), flags }),
    nothing,
  ),

  domainBackupBegin: remoteProcedure(
    421,
    structOf({ dom: domain, backupXml: string, checkpointXml: optionalOf(string), flags }),
    nothing,
  ),
  domainBackupGetXmlDesc: remoteProcedure(422, structOf({ dom: domain, flags }), xmlResult),
})
