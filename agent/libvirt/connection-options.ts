// The options of connections and calls, with their defaults.
import type { Address, TlsOptions } from './address.ts'
import type { Credentials } from './auth.ts'
import type { KeepAliveOptions } from './keepalive.ts'
import type { Procedure, StreamDirection } from './protocol/procedure.ts'
import type { AnyType, Input, Output } from './wire/types.ts'

export interface ConnectOptions {
  /** libvirt's connection URI; default `qemu:///system`. See `parseUri`. */
  uri?: string
  /** Address of the daemon; default: the address in the URI. */
  address?: Address
  /** Certificates for a TLS connection (`qemu+tls://…`). */
  tls?: TlsOptions
  /** User and password for a daemon that asks for SASL authentication. */
  credentials?: Credentials
  readOnly?: boolean
  /**
   * By default the client sends a PING after 5 s of silence, and gives the connection up after 5 unanswered PINGs.
   * `false` turns PINGs off.
   */
  keepAlive?: KeepAliveOptions | false
  /** Milliseconds within which the connection must be open and authenticated; default 10000. */
  connectTimeoutMs?: number
  /**
   * The most calls that are sent and unanswered at a time; further calls wait in the client. Default 4, because
   * libvirtd stops reading from a client that has 5 unanswered calls (`max_client_requests` in libvirtd's
   * configuration). Raise both numbers together.
   */
  slots?: number
  /** Aborts the attempt to connect; has no effect on an open connection. */
  signal?: AbortSignal
}

export interface CallOptions {
  /**
   * Milliseconds, including the wait in the client, until the call fails with DeadlineError. Default 30000; for
   * procedures marked `slow`: no deadline.
   */
  timeoutMs?: number
  /** If the signal aborts, the call rejects with the signal's reason. A call that was sent still runs in the daemon. */
  signal?: AbortSignal | undefined
}

/** A procedure that opens no stream. */
export type PlainProcedure<A extends AnyType = AnyType, R extends AnyType = AnyType> = Procedure<A, R, undefined>
/** A procedure that opens a stream; its reply has no fields. */
export type StreamProcedure<A extends AnyType = AnyType> = Procedure<A, AnyType, StreamDirection>

/** The type of the methods `Connection.call` and `Session.call`. */
export type CallFunction = <A extends AnyType, R extends AnyType>(
  procedure: PlainProcedure<A, R>,
  args: Input<A>,
  options?: CallOptions,
) => Promise<Output<R>>
