// Publishes messages about calls and connections on node:diagnostics_channel. The client writes no log.
import { channel } from 'node:diagnostics_channel'

/** The call may still wait in the client before it is sent. */
export interface CallStart {
  procedure: string
}
/** `durationMs` includes the wait in the client. */
export interface CallEnd {
  procedure: string
  durationMs: number
  error: Error | undefined
}
/** `generation` is the connection's number in its Session; 0 for a connection without a Session. */
export interface ConnectionUp {
  address: string
  generation: number
}
/** `error` is undefined if `close` was called. */
export interface ConnectionDown extends ConnectionUp {
  error: Error | undefined
}

/** Subscribe with `diagnostics_channel.subscribe(channels.callEnd, (message) => …)`. */
export const channels = {
  callStart: 'libvirt:call:start',
  callEnd: 'libvirt:call:end',
  connectionUp: 'libvirt:connection:up',
  connectionDown: 'libvirt:connection:down',
} as const

const callStart = channel(channels.callStart)
const callEnd = channel(channels.callEnd)
const up = channel(channels.connectionUp)
const down = channel(channels.connectionDown)

export const publish = {
  callStart(procedure: string): void {
    if (callStart.hasSubscribers) callStart.publish({ procedure } satisfies CallStart)
  },
  /** @param started a time of `performance.now()` */
  callEnd(procedure: string, started: number, failure: unknown): void {
    if (!callEnd.hasSubscribers) return
    const error =
      failure === undefined || failure instanceof Error ? failure : new Error('not an Error', { cause: failure })
    callEnd.publish({ procedure, durationMs: performance.now() - started, error } satisfies CallEnd)
  },
  up: (message: ConnectionUp): void => up.publish(message),
  down: (message: ConnectionDown): void => down.publish(message),
}
