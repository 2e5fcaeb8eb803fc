// What can be said when connecting, and its defaults.
import type { Address, TlsOptions } from './address.ts'
import type { Credentials } from './auth.ts'
import type { KeepAliveOptions } from './keepalive.ts'
import type { Procedure, StreamDirection } from './protocol/procedure.ts'
import type { AnyType, Input, Output } from './wire/types.ts'

export interface ConnectOptions {
  /** libvirt's connection URI; default `qemu:///system`. See `parseUri`. */
  uri?: string
  /** Where the daemon listens, if the URI shall not say so. */
  address?: Address
  /** Certificates for qemu+tls. */
  tls?: TlsOptions
  /** For a daemon that asks for SASL. */
  credentials?: Credentials
  readOnly?: boolean
  /** Default every 5 s, dead after 5 unanswered; `false`: none. */
  keepAlive?: KeepAliveOptions | false
  /** Milliseconds for the whole way to an open connection; default 10000. */
  connectTimeoutMs?: number
  /** Deadline of a call that names none; default 30000. Calls that may last minutes (save, migrate…) have none. */
  callTimeoutMs?: number
  /**
   * Calls under way at a time; the rest waits here. Default 4: one less than libvirtd's `max_client_requests` (5), at which
   * it stops reading. Raise it only together with that.
   */
  slots?: number
  /** Gives up the attempt to connect. */
  signal?: AbortSignal
}

export interface CallOptions {
  /** Milliseconds until DeadlineError, the wait for a slot included; Infinity: none. */
  timeoutMs?: number
  /** Gives up waiting with the signal's reason. A call that was sent goes on at the daemon. */
  signal?: AbortSignal | undefined
}

/** A procedure without a stream. */
export type PlainProcedure<A extends AnyType = AnyType, R extends AnyType = AnyType> = Procedure<A, R, undefined>
/** A procedure with a stream. */
export type StreamProcedure<A extends AnyType = AnyType, R extends AnyType = AnyType> = Procedure<A, R, StreamDirection>

/** `Connection.call`, `Session.call`. */
export type CallFunction = <A extends AnyType, R extends AnyType>(
  procedure: PlainProcedure<A, R>,
  args: Input<A>,
  options?: CallOptions,
) => Promise<Output<R>>
