// What is written in one turn goes out together, once, in order, whole.
import { describe, expect, it } from 'vitest'
import { Outbox } from './outbox.ts'

function outbox() {
  const writes: string[] = []
  const kept: Buffer[] = []
  const box = new Outbox((bytes) => {
    writes.push(bytes.toString())
    kept.push(bytes)
  })
  const put = (text: string) => {
    box.writer.raw(Buffer.from(text))
    box.due()
  }
  return { box, put, writes, kept }
}

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

describe('Outbox', () => {
  it('writes once for all that came up in a turn, and again for the next', async () => {
    const { put, writes } = outbox()
    put('a')
    put('b')
    expect(writes).toEqual([])
    await turn()
    expect(writes).toEqual(['ab'])
    put('c')
    await turn()
    expect(writes).toEqual(['ab', 'c'])
  })

  it('that is flushed early writes nothing twice', async () => {
    const { box, put, writes } = outbox()
    put('a')
    box.flush()
    box.flush()
    put('b')
    await turn()
    expect(writes).toEqual(['a', 'b'])
  })

  it.each([10, 20_000, 100_000])('leaves %i bytes that the socket still holds as they are', async (length) => {
    const { put, kept } = outbox()
    put('a'.repeat(length))
    await turn()
    put('b'.repeat(length))
    await turn()
    expect(kept.map((bytes) => bytes.toString())).toEqual(['a'.repeat(length), 'b'.repeat(length)])
  })
})
