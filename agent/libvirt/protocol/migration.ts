// Migrations are peer to peer: the source's daemon talks to the destination's daemon.
import { flags, int, nothing, opaqueUpTo, optionalOf, string, structOf, uhyper } from '../wire/types.ts'
import { domain, domainArgs, typedParamsUpTo } from './common.ts'
import { nameEntries } from './named.ts'
import { remoteProcedure, slowCall } from './procedure.ts'

const cookieMax = 4_194_304
const paramsMax = 64

export const migrationProcedures = nameEntries({
  /** `type` is a `jobType`. Convert `params` with `fromParams`. The flags are `jobStatsFlags`. */
  domainGetJobStats: remoteProcedure(
    298,
    structOf({ dom: domain, flags }),
    structOf({ type: int, params: typedParamsUpTo(64) }),
  ),
  domainAbortJob: remoteProcedure(164, domainArgs, nothing),

  domainMigrateBegin3Params: remoteProcedure(
    302,
    structOf({ dom: domain, params: typedParamsUpTo(paramsMax), flags }),
    structOf({ cookieOut: opaqueUpTo(cookieMax), xml: string }),
  ),
  /**
   * With the flag `migrateFlags.peer2peer` this call does the whole migration and returns when it has ended. `destUri`
   * is the connection URI of the destination's daemon. The types of `params` are in `migrateParams`.
   */
  domainMigratePerform3Params: remoteProcedure(
    305,
    structOf({
      dom: domain,
      destUri: optionalOf(string),
      params: typedParamsUpTo(paramsMax),
      cookieIn: opaqueUpTo(cookieMax),
      flags,
    }),
    structOf({ cookieOut: opaqueUpTo(cookieMax) }),
    slowCall,
  ),
  /** `downtime` is in milliseconds. */
  domainMigrateSetMaxDowntime: remoteProcedure(166, structOf({ dom: domain, downtime: uhyper, flags }), nothing),
  domainMigrateGetMaxDowntime: remoteProcedure(387, structOf({ dom: domain, flags }), structOf({ downtime: uhyper })),
  /** `bandwidth` is in MiB/s. */
  domainMigrateSetMaxSpeed: remoteProcedure(207, structOf({ dom: domain, bandwidth: uhyper, flags }), nothing),
  domainMigrateGetMaxSpeed: remoteProcedure(242, structOf({ dom: domain, flags }), structOf({ bandwidth: uhyper })),
  domainMigrateStartPostCopy: remoteProcedure(364, structOf({ dom: domain, flags }), nothing),
})
