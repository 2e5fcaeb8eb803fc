import type { Address, TlsOptions } from './address.ts'
import type { Credentials } from './auth.ts'
import type { KeepAliveOptions } from './keepalive.ts'
import type { Procedure, StreamDirection } from './protocol/procedure.ts'
import type { AnyType, Input, Output } from './wire/types.ts'

export interface ConnectOptions {
  /** Default `qemu:///system`. See `parseUri`. */
  uri?: string
  /** Default: the address in the URI. */
  address?: Address
  /** Certificates for a TLS connection (`qemu+tls://…`). */
  tls?: TlsOptions
  /** For a daemon that asks for SASL authentication. */
  credentials?: Credentials
  readOnly?: boolean
  /** Default: a PING after 5 s of silence; 5 unanswered PINGs end the connection. `false` turns PINGs off. */
  keepAlive?: KeepAliveOptions | false
  /** Milliseconds until the connection must be open and authenticated; default 10000. */
  connectTimeoutMs?: number
  /**
   * The most calls that are sent and unanswered at a time. Default 4, because libvirtd stops reading from a client that
   * has 5 (its setting `max_client_requests`). Raise both numbers together.
   */
  slots?: number
  /** Has no effect on an open connection. */
  signal?: AbortSignal
}

export interface CallOptions {
  /** Milliseconds, including the wait in the client. Default 30000; for procedures marked `slow`: no deadline. */
  timeoutMs?: number
  /** If the signal aborts, the call rejects with the signal's reason. A call that was sent still runs in the daemon. */
  signal?: AbortSignal | undefined
}

/** A procedure that opens no stream. */
export type PlainProcedure<A extends AnyType = AnyType, R extends AnyType = AnyType> = Procedure<A, R, undefined>
/** The reply of a procedure that opens a stream has no fields. */
export type StreamProcedure<A extends AnyType = AnyType> = Procedure<A, AnyType, StreamDirection>

export type CallFunction = <A extends AnyType, R extends AnyType>(
  procedure: PlainProcedure<A, R>,
  args: Input<A>,
  options?: CallOptions,
) => Promise<Output<R>>
