import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLineSplitter, createYielder, parseJsonLines } from './json-lines.ts'

async function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const cut of [...cuts, bytes.length].map((n) => n % (bytes.length + 1)).sort((a, b) => a - b)) {
    yield bytes.subarray(from, Math.max(from, cut))
    from = Math.max(from, cut)
  }
  yield bytes.subarray(from)
}

async function collect(source: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const value of source) all.push(value)
  return all
}

describe('parseJsonLines', () => {
  it('yields every value wherever the stream is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue().filter((v) => JSON.stringify(v) !== undefined)),
        fc.array(fc.nat()),
        async (values, cuts) => {
          const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''))
          const read = await collect(parseJsonLines(chunksOf(bytes, cuts)))
          expect(JSON.stringify(read)).toBe(JSON.stringify(values))
        },
      ),
    )
  })

  it('joins a character that is split between two chunks', async () => {
    const bytes = Buffer.from('{"name":"Zürich 🜂"}\n')
    const read = await collect(parseJsonLines(chunksOf(bytes, [...bytes.keys()])))
    expect(read).toEqual([{ name: 'Zürich 🜂' }])
  })

  it('throws when the stream ends inside a line, after yielding the lines before it', async () => {
    const read: unknown[] = []
    const reading = (async () => {
      for await (const value of parseJsonLines(chunksOf(Buffer.from('1\n2\n{"a":'), []))) read.push(value)
    })()
    await expect(reading).rejects.toThrow('cut inside a line, 5 bytes in')
    expect(read).toEqual([1, 2])
  })

  it('throws on a line that is not JSON, and skips empty lines', async () => {
    expect(await collect(parseJsonLines(chunksOf(Buffer.from('\n\n7\n \n'), [])))).toEqual([7])
    await expect(collect(parseJsonLines(chunksOf(Buffer.from('<html>\n'), [])))).rejects.toThrow(SyntaxError)
  })

  it('throws on a line of more than 32 MiB', () => {
    const splitter = createLineSplitter()
    const chunk = Buffer.alloc(8 * 1024 * 1024, 97)
    expect(() => Array.from({ length: 5 }, () => splitter.push(chunk))).toThrow('longer than')
  })
})

describe('createYielder', () => {
  it('yields to the event loop while one long chunk is parsed', async () => {
    const lines = Buffer.from('{"a":[1,2,3]}\n'.repeat(20_000))
    let turns = 0
    let counting = true
    const count = (): void => {
      turns += 1
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    let read = 0
    for await (const _ of parseJsonLines(chunksOf(lines, []), createYielder(1))) read += 1
    counting = false
    expect(read).toBe(20_000)
    expect(turns).toBeGreaterThan(3)
  })
})
