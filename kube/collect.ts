// Gives back memory that V8 would keep until it needs it: a program that mostly waits never does, and its host might.
import { type Clock, every } from './clock.ts'

const EVERY_MS = 10_000
/** Garbage that is worth a collection, in bytes. */
const WORTH = 2 * 2 ** 20
/** So many in a row: pages that one has emptied go back with the next. */
const ROW = 2

/** Of the process; a test's own. */
export interface Heap {
  /** Undefined: Node was not started with --expose-gc. */
  collect: (() => void) | undefined
  /** Bytes. */
  used(): number
}

const { gc } = globalThis
const own: Heap = {
  collect: gc && (() => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })),
  used: () => process.memoryUsage().heapUsed,
}

/** For small heaps only: a collection stops all else, for some 40 ms with 16 MB (docs/adr/0018). Goes on until it is disposed of. */
export function collectNowAndThen(clock: Pick<Clock, 'timer'>, { collect, used }: Heap = own): Disposable {
  if (!collect) return { [Symbol.dispose]: () => undefined }
  let [least, left] = [0, 0]
  const stop = every(clock, EVERY_MS, () => {
    if (used() - least >= WORTH) left = ROW
    if (left === 0) return
    collect()
    left -= 1
    least = used()
  })
  return { [Symbol.dispose]: stop }
}
