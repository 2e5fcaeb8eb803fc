// Gives back memory that V8 would keep until it needs it: a program that mostly waits never does, and its host might.
import { type Clock, startInterval } from './clock.ts'

const EVERY_MS = 10_000
/** So many in a row: pages that one has emptied go back with the next. */
const ROW = 2

export interface GcPolicy {
  /** Garbage that is worth a collection, in bytes. */
  worth: number
  /** No collection if the event loop was busy for more of the time since the last look: a share, 0 to 1. */
  busy: number
}
/** A collection stops all else, for some 40 ms with 16 MB (docs/adr/0018). */
export const smallHeapPolicy: GcPolicy = { worth: 2 * 2 ** 20, busy: 1 }
/** For a second with 100 MB: only when little is to be done. */
export const largeHeapPolicy: GcPolicy = { worth: 32 * 2 ** 20, busy: 0.2 }

/** Of the process; a test's own. */
export interface Heap {
  /** Undefined: Node was not started with --expose-gc. */
  collect: (() => void) | undefined
  /** Bytes. */
  used(): number
  /** The share of the time since the last call in which the event loop was busy. */
  busy(): number
}

const { gc } = globalThis
function ownHeap(): Heap {
  let last = performance.eventLoopUtilization()
  return {
    collect: gc && (() => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })),
    used: () => process.memoryUsage().heapUsed,
    busy() {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, last)
      last = now
      return utilization
    },
  }
}

/** Goes on until it is disposed of. */
export function startPeriodicGc(
  clock: Pick<Clock, 'timer'>,
  when: GcPolicy,
  { collect, used, busy }: Heap = ownHeap(),
): Disposable {
  if (!collect) return { [Symbol.dispose]: () => undefined }
  let [least, left] = [0, 0]
  const stop = startInterval(clock, EVERY_MS, () => {
    if (used() - least >= when.worth) left = ROW
    if (busy() > when.busy || left === 0) return
    collect()
    left -= 1
    least = used()
  })
  return { [Symbol.dispose]: stop }
}
