// Jobs of a domain, and its migration to another daemon. Migrations are peer to peer: the source's daemon talks to the
// destination's daemon.
import { flags, int, nothing, opaque, optional, string, struct, uhyper } from '../wire/types.ts'
import { domain, onDomain, typedParams } from './common.ts'
import { named, remote } from './procedure.ts'

const cookieMax = 4_194_304
const paramsMax = 64

export const migrationProcedures = named({
  /** Type: `jobType`; read `params` with `fromParams`. Flags: `jobStatsFlags`. */
  domainGetJobStats: remote(298, struct({ dom: domain, flags }), struct({ type: int, params: typedParams(64) })),
  domainAbortJob: remote(164, onDomain, nothing),

  domainMigrateBegin3Params: remote(
    302,
    struct({ dom: domain, params: typedParams(paramsMax), flags }),
    struct({ cookieOut: opaque(cookieMax), xml: string }),
  ),
  /**
   * With flag `migrateFlags.peer2peer`: the whole migration; returns when it has ended. `destUri` is the connection URI
   * of the destination's daemon. `params`: see `migrateParams`.
   */
  domainMigratePerform3Params: remote(
    305,
    struct({
      dom: domain,
      destUri: optional(string),
      params: typedParams(paramsMax),
      cookieIn: opaque(cookieMax),
      flags,
    }),
    struct({ cookieOut: opaque(cookieMax) }),
    { slow: true },
  ),
  /** Milliseconds. */
  domainMigrateSetMaxDowntime: remote(166, struct({ dom: domain, downtime: uhyper, flags }), nothing),
  domainMigrateGetMaxDowntime: remote(387, struct({ dom: domain, flags }), struct({ downtime: uhyper })),
  /** MiB/s. */
  domainMigrateSetMaxSpeed: remote(207, struct({ dom: domain, bandwidth: uhyper, flags }), nothing),
  domainMigrateGetMaxSpeed: remote(242, struct({ dom: domain, flags }), struct({ bandwidth: uhyper })),
  domainMigrateStartPostCopy: remote(364, struct({ dom: domain, flags }), nothing),
})
