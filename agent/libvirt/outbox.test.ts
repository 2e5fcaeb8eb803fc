import { describe, expect, it } from 'vitest'
import { Outbox } from './outbox.ts'

function newOutbox() {
  const writes: string[] = []
  const kept: Buffer[] = []
  const box = new Outbox((bytes) => {
    writes.push(bytes.toString())
    kept.push(bytes)
  })
  const put = (text: string) => {
    box.writer.raw(Buffer.from(text))
    box.scheduleFlush()
  }
  return { box, put, writes, kept }
}

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve))

describe('Outbox', () => {
  it('writes once per turn of the event loop', async () => {
    const { put, writes } = newOutbox()
    put('a')
    put('b')
    expect(writes).toEqual([])
    await nextTurn()
    expect(writes).toEqual(['ab'])
    put('c')
    await nextTurn()
    expect(writes).toEqual(['ab', 'c'])
  })

  it('writes nothing twice when it is flushed early', async () => {
    const { box, put, writes } = newOutbox()
    put('a')
    box.flush()
    box.flush()
    put('b')
    await nextTurn()
    expect(writes).toEqual(['a', 'b'])
  })

  it.each([10, 20_000, 100_000])('does not overwrite %i bytes that the socket still holds', async (length) => {
    const { put, kept } = newOutbox()
    put('a'.repeat(length))
    await nextTurn()
    put('b'.repeat(length))
    await nextTurn()
    expect(kept.map((bytes) => bytes.toString())).toEqual(['a'.repeat(length), 'b'.repeat(length)])
  })
})
