import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import { FrameSplitter } from './frames.ts'
import { encodeMessage, splitMessage } from './header.ts'

const header = fc.record({
  program: fc.nat(0xffff_ffff),
  version: fc.constant(1),
  procedure: fc.nat(500),
  type: fc.nat(3),
  serial: fc.nat(0xffff_ffff),
  status: fc.nat(2),
})
const message = fc.tuple(header, fc.uint8Array({ maxLength: 300 }))

describe('FrameSplitter', () => {
  it('gives the messages that were sent, for any messages and any cuts', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 200 })),
        (messages, sizes) => {
          const sent = messages.map(([head, payload]) => encodeMessage(head, payload))
          const splitter = new FrameSplitter()
          const got = [...cutIntoChunks(Buffer.concat(sent), sizes)].flatMap((chunk) => pushChunk(splitter, chunk))
          expect(got.map((bytes) => bytes.toString('hex'))).toEqual(sent.map((bytes) => bytes.toString('hex')))
          expect(got.map((bytes) => splitMessage(bytes).header)).toEqual(messages.map(([head]) => head))
          expect(splitter.held).toBe(0)
        },
      ),
    )
  })

  it.each([
    ['00000000', 'a message of 0 bytes has no room for its header'],
    ['0000001b', 'a message of 27 bytes has no room for its header'],
    ['02000005', 'a message of 33554437 bytes is over the limit of 33554432'],
    ['ffffffff', 'a message of 4294967295 bytes is over the limit of 33554432'],
  ])('refuses the length %s', (hex, text) => {
    const splitter = new FrameSplitter()
    expect(() => pushChunk(splitter, Buffer.from(hex, 'hex'))).toThrow(ProtocolError)
    expect(() => pushChunk(new FrameSplitter(), Buffer.from(hex, 'hex'))).toThrow(text)
  })

  it('takes a message of maximum length, and allocates no more than has arrived', () => {
    const splitter = new FrameSplitter()
    expect(pushChunk(splitter, Buffer.from('02000004', 'hex'))).toEqual([])
    expect(splitter.held).toBe(4)
  })
})

/** Overwrites the chunk's memory after the push, as a socket's next read would. */
function pushChunk(splitter: FrameSplitter, chunk: Buffer): Buffer[] {
  const got: Buffer[] = []
  const memory = Buffer.concat([chunk, Buffer.from('beyond what was read')])
  splitter.push(memory, chunk.length, (bytes, start, end) => got.push(Buffer.from(bytes.subarray(start, end))))
  memory.fill(0xee)
  return got
}

function* cutIntoChunks(bytes: Buffer, sizes: number[]): Generator<Buffer> {
  let offset = 0
  for (const size of sizes) {
    yield bytes.subarray(offset, offset + size)
    offset += size
    if (offset >= bytes.length) return
  }
  yield bytes.subarray(offset)
}
