import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, test, vi } from 'vitest'
import { runLimited } from './limits.ts'
import { keptOf, type Room, roomIn, spaceOf, type Writing, withRoom } from './room.ts'

// Another program does the work here, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 })

const GiB = 1024 ** 3

test.each([
  [1000, 100],
  [50 * GiB, 5 * GiB],
  [100 * GiB, 10 * GiB],
  [10_000 * GiB, 10 * GiB],
])('of %d bytes %d are kept', (size, kept) => expect(keptOf(size)).toBe(kept))

describe('a file system that there is', () => {
  const here = tmpdir()

  test('has a size, of which a part is kept', async () => {
    const { blocks, bsize } = statfsSync(here)
    expect((await spaceOf(here)).kept).toBe(keptOf(blocks * bsize))
    expect((await spaceOf(here, 42)).kept).toBe(42)
  })

  test('has room for what is free and not kept', async () => {
    // Others write to it meanwhile, but not a terabyte.
    const { free } = await spaceOf(here)
    expect(await roomIn(here, 0)(0)).toBe(true)
    expect(await roomIn(here, 0)(free + 1024 * GiB)).toBe(false)
    expect(await roomIn(here, free + 1024 * GiB)(0)).toBe(false)
  })
})

describe('what is written with room', () => {
  const writing = (more: Partial<Writing> = {}): Writing => ({
    bytes: 7,
    what: 'the thing',
    signal: new AbortController().signal,
    ...more,
  })

  test('is not begun where it does not fit', async () => {
    const room: Room = async (bytes) => bytes < 7
    const begun: true[] = []
    const full = { kind: 'Transient', code: 'DiskFull', message: 'no space for the 7 bytes of the thing' }
    await expect(withRoom(room, writing(), async () => begun.push(true))).rejects.toMatchObject(full)
    expect(begun).toEqual([])
  })

  test('is stopped when what is kept is touched', async () => {
    const room: Room = async (bytes) => bytes > 0
    const limits = { cpuSeconds: 60, addressSpace: GiB, fileSize: 0, timeout: 60_000 }
    const work = (signal: AbortSignal) => runLimited('sleep', ['60'], limits, signal)
    const full = { kind: 'Transient', code: 'DiskFull', message: 'no space left for the thing' }
    await expect(withRoom(room, writing(), work)).rejects.toMatchObject(full)
  })

  test('is stopped when nobody can say how much room there is', async () => {
    const lost = new Error('the file system is gone')
    const room: Room = (bytes) => (bytes > 0 ? Promise.resolve(true) : Promise.reject(lost))
    const { promise: forever, reject } = Promise.withResolvers<never>()
    const work = (signal: AbortSignal) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      return forever
    }
    await expect(withRoom(room, writing(), work)).rejects.toBe(lost)
  })

  test('is stopped by who asked for it, for his reason', async () => {
    const asker = new AbortController()
    const reason = new Error('enough')
    const work = async (signal: AbortSignal) => {
      asker.abort(reason)
      signal.throwIfAborted()
    }
    await expect(withRoom(async () => true, writing({ signal: asker.signal }), work)).rejects.toBe(reason)
  })
})
