/**
 * Every word that a condition can have for its type and for its reason, that an error has for its code, and `status.fault.details` with it:
 * closed sets, so that docs/guide/operations.md can say of each what it means and what to do.
 */

export const conditionTypes = [
  'Ready',
  'Reconciling',
  'Stalled',
  'Scheduled',
  'HostReachable',
  'DeletionPending',
  'Accepted',
  'Complete',
] as const
export type ConditionType = (typeof conditionTypes)[number]

/** All is well, or goes its way. */
const good = [
  'Accepted',
  'Allocated',
  'Bound',
  'Connected',
  'Placed',
  'Succeeded',
  'Valid',
  'Running',
  'Stopped',
  'Paused',
  'Suspended',
  'Building',
  'Deleting',
  'Rebooting',
  'Rescued',
  'PowerChanging',
] as const

/** A deed that is refused. */
const admission = [
  'ActionUnderWay',
  'InvalidParameters',
  'InvalidState',
  'NoHost',
  'NotRequestable',
  'ServerDeleting',
  'ServerLocked',
  'ServerNotFound',
  'ConflictsWithPowerState',
] as const

/** What an object names, or asks for, cannot be had. */
const references = [
  'AddressInUse',
  'AddressInvalid',
  'AddressOutsideSubnets',
  'AddressReserved',
  'BeingDeleted',
  'FlavorDiskTooSmall',
  'FlavorMemoryTooSmall',
  'FlavorNotAllowed',
  'FlavorNotFound',
  'HostInOtherZone',
  'HostNotFound',
  'ImageNotAllowed',
  'ImageNotFound',
  'KeyInvalid',
  'KeyPairNotFound',
  'MACInUse',
  'NetworkNotAllowed',
  'NetworkNotFound',
  'NoFreeAddress',
  'NoFreeMAC',
  'NoValidHost',
  'PortInUse',
  'PortNotFound',
  'PortNotReady',
  'TooManyAddresses',
  'UUIDInUse',
] as const

/** A network that cannot be right, or must stay. */
const networks = [
  'AddressInPool',
  'AddressNotUsable',
  'DuplicateAddress',
  'InvalidSubnet',
  'NetworkInUse',
  'NoAddresses',
  'PoolOutsideSubnet',
  'PoolEndBeforeStart',
  'PoolsOverlap',
  'SubnetsOverlap',
] as const

/** What is not as it was wished, and is left so. */
const differences = [
  'ChangedOnHost',
  'DeletedWithoutHost',
  'DiskError',
  'GuestShutdown',
  'HostDown',
  'HostRejected',
  'RestartDelayed',
] as const

/** The image of a server, or its sizes, or its hardware. */
const images = [
  'ImageCacheBusy',
  'ImageChecksumMismatch',
  'ImageDownloadFailed',
  'ImageFormatMismatch',
  'ImageSourceRefused',
  'ImageTooLarge',
  'ImageUnreadable',
  'ImageUnsafe',
  'InvalidDomain',
  'FirmwareUnavailable',
  'UnsupportedHardware',
  'InvalidCharacter',
  'InvalidGuest',
  'InvalidInterface',
  'InvalidXML',
] as const

/** The host: its disk, its network, its libvirt, its agent. */
const hosts = [
  'AgentStopping',
  'BridgeDown',
  'BridgeMissing',
  'BridgeNameTaken',
  'CommandFailed',
  'CommandMissing',
  'CommandTimeout',
  'ConsoleLogChanged',
  'ConsoleLogNotRotatable',
  'DhcpStuck',
  'DhcpUnreachable',
  'DiskFailed',
  'DiskFull',
  'DiskMissing',
  'LibvirtError',
  'LibvirtBusy',
  'LibvirtUnreachable',
  'LockFailed',
  'MtuTooSmall',
  'OutOfMemory',
  'ToolUnavailable',
  'Unexpected',
  'ObjectChanged',
  'UplinkBusy',
  'UplinkHasAddress',
  'UplinkMissing',
  'WrongIdentity',
] as const

export const reasons = [...good, ...admission, ...references, ...networks, ...differences, ...images, ...hosts] as const
export type Reason = (typeof reasons)[number]

/** A reason that was read from an object, which may be older or newer than this program. */
export const reasonOf = (text: string | undefined): Reason => reasons.find((r) => r === text) ?? 'Unexpected'
