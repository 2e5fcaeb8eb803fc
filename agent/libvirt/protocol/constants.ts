/** libvirt's VIR_DRV_FEATURE_* values: the argument `feature` of the procedure `connectSupportsFeature`. */
export const driverFeature = {
  migrationV2: 1,
  migrationP2p: 4,
  migrationV3: 6,
  programKeepAlive: 10,
  xmlMigratable: 11,
  migrationOffline: 12,
  migrationParams: 13,
  remoteEventCallback: 14,
} as const

/**
 * libvirt's VIR_CONNECT_LIST_DOMAINS_* values. They form groups, such as `active` and `inactive`. A domain is listed if
 * it matches at least one set flag in each group that has set flags.
 */
export const connectListFlags = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
  other: 128,
  managedsave: 256,
  noManagedsave: 512,
  autostart: 1024,
  noAutostart: 2048,
  hasSnapshot: 4096,
  noSnapshot: 8192,
  hasCheckpoint: 16384,
  noCheckpoint: 32768,
} as const

/** libvirt's VIR_DOMAIN_DEFINE_* values: the flags of the procedure `domainDefineXmlFlags`. */
export const domainDefineFlags = {
  validate: 1,
} as const

/** libvirt's VIR_DOMAIN_START_* values: the flags of the procedures `domainCreateWithFlags` and `domainCreateXml`. */
export const domainCreateFlags = {
  paused: 1,
  autodestroy: 2,
  bypassCache: 4,
  forceBoot: 8,
  validate: 16,
  resetNvram: 32,
} as const

/** libvirt's VIR_DOMAIN_UNDEFINE_* values: the flags of the procedure `domainUndefineFlags`. */
export const domainUndefineFlags = {
  managedSave: 1,
  snapshotsMetadata: 2,
  nvram: 4,
  keepNvram: 8,
  checkpointsMetadata: 16,
  tpm: 32,
  keepTpm: 64,
} as const

/** libvirt's VIR_DOMAIN_DESTROY_* values: the flags of the procedure `domainDestroyFlags`. */
export const domainDestroyFlags = {
  default: 0,
  graceful: 1,
  removeLogs: 2,
} as const

/** libvirt's VIR_DOMAIN_SHUTDOWN_* values: the ways in which `domainShutdownFlags` can ask the guest to shut down. */
export const domainShutdownFlags = {
  default: 0,
  acpiPowerBtn: 1,
  guestAgent: 2,
  initctl: 4,
  signal: 8,
  paravirt: 16,
} as const

/** libvirt's VIR_DOMAIN_XML_* values: the flags of the procedure `domainGetXmlDesc`. */
export const domainXmlFlags = {
  secure: 1,
  inactive: 2,
  updateCpu: 4,
  migratable: 8,
} as const

/** libvirt's VIR_DOMAIN_SAVE_* values: the flags of the procedure `domainManagedSave`. */
export const saveFlags = {
  bypassCache: 1,
  running: 2,
  paused: 4,
  resetNvram: 8,
} as const

/**
 * libvirt's VIR_DOMAIN_AFFECT_* values: whether a change affects the running domain (`live`), its persistent definition
 * (`config`), or both. `current` means `live` while the domain runs, otherwise `config`.
 */
export const modificationImpact = {
  current: 0,
  live: 1,
  config: 2,
} as const

/**
 * libvirt's VIR_DOMAIN_VCPU_* values: further flags of `domainSetVcpusFlags` and `domainGetVcpusFlags`, combined with
 * `modificationImpact`.
 */
export const vcpuFlags = {
  maximum: 4,
  guest: 8,
  hotpluggable: 16,
} as const

/** libvirt's VIR_DOMAIN_MEM_* values: further flags of `domainSetMemoryFlags`, combined with `modificationImpact`. */
export const memoryFlags = {
  maximum: 4,
} as const

/** libvirt's VIR_DOMAIN_METADATA_* values: the argument `type` of `domainGetMetadata` and `domainSetMetadata`. */
export const metadataType = {
  description: 0,
  title: 1,
  element: 2,
} as const

/** libvirt's VIR_DOMAIN_STATS_* values: the groups of statistics that `connectGetAllDomainStats` can return. */
export const domainStats = {
  state: 1,
  cpuTotal: 2,
  balloon: 4,
  vcpu: 8,
  interface: 16,
  block: 32,
  perf: 64,
  iothread: 128,
  memory: 256,
  dirtyrate: 512,
  vm: 1024,
} as const

/** libvirt's VIR_CONNECT_GET_ALL_DOMAINS_STATS_* values: the flags of the procedure `connectGetAllDomainStats`. */
export const allDomainStatsFlags = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
  other: 128,
  nowait: 536870912,
  backing: 1073741824,
  enforceStats: 2147483648,
} as const

/** libvirt's VIR_DOMAIN_BLOCK_RESIZE_* values: the flags of the procedure `domainBlockResize`. */
export const blockResizeFlags = {
  bytes: 1,
} as const

/**
 * libvirt's VIR_DOMAIN_BLOCK_JOB_TYPE_* values: the field `type` in the event `blockJob` and in the result of the
 * procedure `domainGetBlockJobInfo`.
 */
export const blockJobType = {
  unknown: 0,
  pull: 1,
  copy: 2,
  commit: 3,
  activeCommit: 4,
  backup: 5,
} as const

/** libvirt's VIR_DOMAIN_BLOCK_JOB_* values: the field `status` of the event `blockJob`. */
export const blockJobStatus = {
  completed: 0,
  failed: 1,
  canceled: 2,
  ready: 3,
} as const

/** libvirt's VIR_DOMAIN_BLOCK_JOB_ABORT_* values: the flags of the procedure `domainBlockJobAbort`. */
export const blockJobAbortFlags = {
  async: 1,
  pivot: 2,
} as const

/** libvirt's VIR_DOMAIN_BLOCK_COMMIT_* values: the flags of the procedure `domainBlockCommit`. */
export const blockCommitFlags = {
  shallow: 1,
  delete: 2,
  active: 4,
  relative: 8,
  bandwidthBytes: 16,
} as const

/** libvirt's VIR_DOMAIN_BLOCK_COPY_* values: the flags of the procedure `domainBlockCopy`. */
export const blockCopyFlags = {
  shallow: 1,
  reuseExt: 2,
  transientJob: 4,
  synchronousWrites: 8,
} as const

/** libvirt's VIR_DOMAIN_BLOCK_REBASE_* values: the flags of the procedure `domainBlockRebase`. */
export const blockRebaseFlags = {
  shallow: 1,
  reuseExt: 2,
  copyRaw: 4,
  copy: 8,
  relative: 16,
  copyDev: 32,
  bandwidthBytes: 64,
} as const

/** libvirt's VIR_DOMAIN_JOB_* values: the field `type` in the result of the procedure `domainGetJobStats`. */
export const jobType = {
  none: 0,
  bounded: 1,
  unbounded: 2,
  completed: 3,
  failed: 4,
  cancelled: 5,
} as const

/** libvirt's VIR_DOMAIN_JOB_STATS_* values: the flags of the procedure `domainGetJobStats`. */
export const jobStatsFlags = {
  completed: 1,
  keepCompleted: 2,
} as const

/** libvirt's VIR_MIGRATE_* values: the flags of the procedure `domainMigratePerform3Params`. */
export const migrateFlags = {
  live: 1,
  peer2peer: 2,
  tunnelled: 4,
  persistDest: 8,
  undefineSource: 16,
  paused: 32,
  nonSharedDisk: 64,
  nonSharedInc: 128,
  changeProtection: 256,
  unsafe: 512,
  offline: 1024,
  compressed: 2048,
  abortOnError: 4096,
  autoConverge: 8192,
  rdmaPinAll: 16384,
  postcopy: 32768,
  tls: 65536,
  parallel: 131072,
  nonSharedSynchronousWrites: 262144,
  postcopyResume: 524288,
  zerocopy: 1048576,
} as const

/** libvirt's VIR_DOMAIN_SNAPSHOT_CREATE_* values: the flags of the procedure `domainSnapshotCreateXml`. */
export const snapshotCreateFlags = {
  redefine: 1,
  current: 2,
  noMetadata: 4,
  halt: 8,
  diskOnly: 16,
  reuseExt: 32,
  quiesce: 64,
  atomic: 128,
  live: 256,
  validate: 512,
} as const

/** libvirt's VIR_DOMAIN_SNAPSHOT_DELETE_* values: the flags of the procedure `domainSnapshotDelete`. */
export const snapshotDeleteFlags = {
  children: 1,
  metadataOnly: 2,
  childrenOnly: 4,
} as const

/** libvirt's VIR_DOMAIN_CHECKPOINT_DELETE_* values: the flags of the procedure `domainCheckpointDelete`. */
export const checkpointDeleteFlags = {
  children: 1,
  metadataOnly: 2,
  childrenOnly: 4,
} as const

/** libvirt's VIR_DOMAIN_CONSOLE_* values: the flags of the procedure `domainOpenConsole`. */
export const consoleFlags = {
  force: 1,
  safe: 2,
} as const

/** libvirt's VIR_STORAGE_VOL_CREATE_* values: the flags of the procedure `storageVolCreateXml`. */
export const storageVolCreateFlags = {
  preallocMetadata: 1,
  reflink: 2,
  validate: 4,
} as const
