// What the client tells the world: node:diagnostics_channel messages. It writes no log and throws nothing away silently.
import { channel } from 'node:diagnostics_channel'

/** A call was asked for (it may still wait for a slot). */
export interface CallStart {
  procedure: string
}
/** A call ended: with its result, an error, a deadline. `durationMs` includes the wait for a slot. */
export interface CallEnd {
  procedure: string
  durationMs: number
  error: Error | undefined
}
/** A connection was opened; `generation` counts those of a Session, 0 for a connection of its own. */
export interface ConnectionUp {
  address: string
  generation: number
}
/** A connection ended; `error` undefined if we closed it. */
export interface ConnectionDown extends ConnectionUp {
  error: Error | undefined
}

/** Names of the channels; subscribe with `diagnostics_channel.subscribe(channels.callEnd, (message) => …)`. */
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

/** Messages are made only if somebody listens. */
export const publish = {
  callStart(procedure: string): void {
    if (callStart.hasSubscribers) callStart.publish({ procedure } satisfies CallStart)
  },
  /** `started`: of `performance.now()`. */
  callEnd(procedure: string, started: number, failure: unknown): void {
    if (!callEnd.hasSubscribers) return
    const error =
      failure === undefined || failure instanceof Error ? failure : new Error('not an Error', { cause: failure })
    callEnd.publish({ procedure, durationMs: performance.now() - started, error } satisfies CallEnd)
  },
  up: (message: ConnectionUp): void => up.publish(message),
  down: (message: ConnectionDown): void => down.publish(message),
}
