// Newline-delimited JSON from a stream of chunks, one value at a time, without holding the event loop.
import { setImmediate as nextTurn } from 'node:timers/promises'

const NEWLINE = 10
/** Longer than any object the API server stores (etcd refuses 1.5 MB; a watch event wraps one object). */
const LONGEST_LINE = 32 * 1024 * 1024

/** Splits chunks into lines at `\n`. A line may span chunks and a chunk may cut a character: lines are joined as bytes. */
export function createLineSplitter(): { push(chunk: Uint8Array): string[]; rest(): number } {
  let parts: Uint8Array[] = []
  let held = 0
  const take = (tail: Uint8Array): string => {
    const line = parts.length === 0 ? tail : Buffer.concat([...parts, tail])
    parts = []
    held = 0
    return Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8')
  }
  return {
    push(chunk) {
      const lines: string[] = []
      let from = 0
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
        lines.push(take(chunk.subarray(from, at)))
        from = at + 1
      }
      if (from < chunk.length) {
        parts.push(chunk.subarray(from))
        held += chunk.length - from
        if (held > LONGEST_LINE) throw new Error(`a line of the watch is longer than ${LONGEST_LINE} bytes`)
      }
      return lines
    },
    rest: () => held,
  }
}

/** Gives the event loop a turn whenever the caller has had it for `sliceMs`: `await breathe()` between items. */
export function createYielder(sliceMs = 8, now = () => performance.now()): () => Promise<void> | undefined {
  let since = now()
  return () => {
    if (now() - since < sliceMs) return undefined
    return nextTurn().then(() => {
      since = now()
    })
  }
}

/** Parses each line as JSON. Ends with the stream; a stream cut inside a line throws, a line that is no JSON too. */
export async function* parseJsonLines(chunks: AsyncIterable<Uint8Array>, breathe = createYielder()): AsyncGenerator {
  const splitter = createLineSplitter()
  for await (const chunk of chunks) {
    for (const line of splitter.push(chunk)) {
      if (line.trim() === '') continue
      yield JSON.parse(line) as unknown
      const pause = breathe()
      if (pause) await pause
    }
  }
  if (splitter.rest() > 0) throw new Error(`the stream was cut inside a line, ${splitter.rest()} bytes in`)
}
