// A client of libvirt's RPC protocol. It depends only on Node.
export { type Address, parseUri, type Target, type TlsOptions } from './address.ts'
export type { Credentials } from './auth.ts'
export { type Connection, openConnection, type Subscription } from './connection.ts'
export type { CallFunction, CallOptions, ConnectOptions } from './connection-options.ts'
export {
  type CallEnd,
  type CallStart,
  type ConnectionDown,
  type ConnectionUp,
  channels,
} from './diagnostics.ts'
export type { LibvirtErrorCode, LibvirtErrorDomain } from './error-codes.ts'
export {
  ConnectionError,
  type ConnectionErrorCode,
  DeadlineError,
  EncodeError,
  isLibvirtError,
  LibvirtError,
  ProtocolError,
  type WireError,
} from './errors.ts'
export type { EventHandler, SubscribeOptions } from './events.ts'
export {
  blockCopyParams,
  fromParams,
  migrateParams,
  type ParamInput,
  type ParamTypes,
  type ParamValue,
  toParams,
} from './params.ts'
export type {
  CheckpointRef,
  DomainRef,
  SnapshotRef,
  StoragePoolRef,
  StorageVolRef,
  TypedParam,
} from './protocol/common.ts'
export * from './protocol/constants.ts'
export { type DomainEventName, domainEvents, type EventOf, type EventType } from './protocol/events.ts'
export { proc } from './protocol/proc.ts'
export type { Procedure } from './protocol/procedure.ts'
export * from './protocol/states.ts'
export { openSession, type Resync, type Session, type SessionOptions } from './session.ts'
export type { LibvirtStream } from './streams.ts'
export type { AnyType, Input, Output } from './wire/types.ts'
