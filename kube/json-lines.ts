import { setImmediate as nextLoopTurn } from 'node:timers/promises'

const NEWLINE = 10
/** A longer line is an error. A line of a watch holds one object, and etcd rejects objects of more than 1.5 MB. */
const MAX_LINE_BYTES = 32 * 1024 * 1024

/** The parts of a line are joined as bytes and then decoded, because a chunk may end inside a character. */
export function createLineSplitter(): { push(chunk: Uint8Array): string[]; pendingBytes(): number } {
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  const joinLine = (tail: Uint8Array): string => {
    const line = pending.length === 0 ? tail : Buffer.concat([...pending, tail])
    pending = []
    pendingBytes = 0
    return Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8')
  }
  return {
    push(chunk) {
      const lines: string[] = []
      let from = 0
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
        lines.push(joinLine(chunk.subarray(from, at)))
        from = at + 1
      }
      if (from < chunk.length) {
        pending.push(chunk.subarray(from))
        pendingBytes += chunk.length - from
        if (pendingBytes > MAX_LINE_BYTES) throw new Error(`a line of the watch is longer than ${MAX_LINE_BYTES} bytes`)
      }
      return lines
    },
    pendingBytes: () => pendingBytes,
  }
}

/**
 * To be called between two items of a long loop. Once per `sliceMs` it returns a promise that yields to the event loop,
 * and that the loop must await.
 */
export function createYielder(sliceMs = 8, now = () => performance.now()): () => Promise<void> | undefined {
  let since = now()
  return () => {
    if (now() - since < sliceMs) return undefined
    return nextLoopTurn().then(() => {
      since = now()
    })
  }
}

/** Ends with the stream. Throws if a line is not JSON, or if the stream ends inside a line. */
export async function* parseJsonLines(chunks: AsyncIterable<Uint8Array>, yieldIfDue = createYielder()): AsyncGenerator {
  const splitter = createLineSplitter()
  for await (const chunk of chunks) {
    for (const line of splitter.push(chunk)) {
      if (line.trim() === '') continue
      yield JSON.parse(line) as unknown
      const pause = yieldIfDue()
      if (pause) await pause
    }
  }
  if (splitter.pendingBytes() > 0)
    throw new Error(`the stream was cut inside a line, ${splitter.pendingBytes()} bytes in`)
}
