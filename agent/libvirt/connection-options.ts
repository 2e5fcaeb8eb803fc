// The options of connections and calls, with their defaults.
import type { Address, TlsOptions } from './address.ts'
import type { Credentials } from './auth.ts'
import type { KeepAliveOptions } from './keepalive.ts'
import type { Procedure, StreamDirection } from './protocol/procedure.ts'
import type { AnyType, Input, Output } from './wire/types.ts'

export interface ConnectOptions {
  /** libvirt's connection URI; default `qemu:///system`. See `parseUri`. */
  uri?: string
  /** Where the daemon listens; default: as the URI says. */
  address?: Address
  /** Certificates for qemu+tls. */
  tls?: TlsOptions
  /** User and password for a daemon that asks for SASL. */
  credentials?: Credentials
  readOnly?: boolean
  /** Default: a PING after 5 s of silence, and the connection is dead after 5 unanswered PINGs. `false`: no PINGs. */
  keepAlive?: KeepAliveOptions | false
  /** Milliseconds until the connection must be open and authenticated; default 10000. */
  connectTimeoutMs?: number
  /**
   * Most calls under way at a time; further calls wait in the client. Default 4: one less than libvirtd's
   * `max_client_requests` (5), at which libvirtd stops reading. Raise both together.
   */
  slots?: number
  /** Aborts the attempt to connect. */
  signal?: AbortSignal
}

export interface CallOptions {
  /**
   * Milliseconds until the call fails with DeadlineError, including the wait for a slot. Default 30000; Infinity for a
   * procedure marked `slow`.
   */
  timeoutMs?: number
  /** Rejects the call with the signal's reason. The daemon goes on with a call that was sent. */
  signal?: AbortSignal | undefined
}

/** A procedure without a stream. */
export type PlainProcedure<A extends AnyType = AnyType, R extends AnyType = AnyType> = Procedure<A, R, undefined>
/** A procedure with a stream; its reply is empty. */
export type StreamProcedure<A extends AnyType = AnyType> = Procedure<A, AnyType, StreamDirection>

/** The type of `Connection.call` and `Session.call`. */
export type CallFunction = <A extends AnyType, R extends AnyType>(
  procedure: PlainProcedure<A, R>,
  args: Input<A>,
  options?: CallOptions,
) => Promise<Output<R>>
