/** libvirt's VIR_DOMAIN_* states: the field `state` in the results of `domainGetState` and `domainGetInfo`. */
export const domainState = {
  nostate: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmsuspended: 7,
} as const

/** libvirt's VIR_DOMAIN_SHUTOFF_* values: why a domain is off. */
export const shutoffReason = {
  unknown: 0,
  shutdown: 1,
  destroyed: 2,
  crashed: 3,
  migrated: 4,
  saved: 5,
  failed: 6,
  fromSnapshot: 7,
  daemon: 8,
} as const

/** libvirt's VIR_DOMAIN_PAUSED_* values: why a domain is paused. */
export const pausedReason = {
  unknown: 0,
  user: 1,
  migration: 2,
  save: 3,
  dump: 4,
  ioerror: 5,
  watchdog: 6,
  fromSnapshot: 7,
  shuttingDown: 8,
  snapshot: 9,
  crashed: 10,
  startingUp: 11,
  postcopy: 12,
  postcopyFailed: 13,
} as const

/** libvirt's VIR_DOMAIN_EVENT_* values: the field `event` of the event `lifecycle`. */
export const lifecycleEvent = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmsuspended: 7,
  crashed: 8,
} as const

/** libvirt's VIR_DOMAIN_EVENT_DEFINED_* values: the field `detail` of the lifecycle event `defined`. */
export const definedDetail = {
  added: 0,
  updated: 1,
  renamed: 2,
  fromSnapshot: 3,
} as const

/** libvirt's VIR_DOMAIN_EVENT_STARTED_* values: the field `detail` of the lifecycle event `started`. */
export const startedDetail = {
  booted: 0,
  migrated: 1,
  restored: 2,
  fromSnapshot: 3,
  wakeup: 4,
} as const

/** libvirt's VIR_DOMAIN_EVENT_SUSPENDED_* values: the field `detail` of the lifecycle event `suspended`. */
export const suspendedDetail = {
  paused: 0,
  migrated: 1,
  ioerror: 2,
  watchdog: 3,
  restored: 4,
  fromSnapshot: 5,
  apiError: 6,
  postcopy: 7,
  postcopyFailed: 8,
} as const

/** libvirt's VIR_DOMAIN_EVENT_RESUMED_* values: the field `detail` of the lifecycle event `resumed`. */
export const resumedDetail = {
  unpaused: 0,
  migrated: 1,
  fromSnapshot: 2,
  postcopy: 3,
  postcopyFailed: 4,
} as const

/** libvirt's VIR_DOMAIN_EVENT_STOPPED_* values: the field `detail` of the lifecycle event `stopped`. */
export const stoppedDetail = {
  shutdown: 0,
  destroyed: 1,
  crashed: 2,
  migrated: 3,
  saved: 4,
  failed: 5,
  fromSnapshot: 6,
} as const
