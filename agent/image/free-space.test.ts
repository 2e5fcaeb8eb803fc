import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, test, vi } from 'vitest'
import { GIB } from '../files/sizes.ts'
import {
  createSpaceCheck,
  defaultReserve,
  type PlannedWrite,
  readSpace,
  type SpaceCheck,
  writeWhileSpaceLasts,
} from './free-space.ts'
import { runLimited } from './run-limited.ts'

vi.setConfig({ testTimeout: 60_000 })

test.each([
  [1000, 100],
  [50 * GIB, 5 * GIB],
  [100 * GIB, 10 * GIB],
  [10_000 * GIB, 10 * GIB],
])('defaultReserve of %d bytes is %d', (size, reserved) => expect(defaultReserve(size)).toBe(reserved))

describe('on an existing file system', () => {
  const directory = tmpdir()

  test('readSpace reserves a tenth at most 10 GiB, or minFree', async () => {
    const { blocks, bsize } = statfsSync(directory)
    expect((await readSpace(directory)).reserved).toBe(Math.min(Math.floor((blocks * bsize) / 10), 10 * GIB))
    expect((await readSpace(directory, 42)).reserved).toBe(42)
  })

  test('createSpaceCheck accepts what is free and not reserved', async () => {
    // Other processes may change the free space during the test, but not by a terabyte.
    const { free } = await readSpace(directory)
    expect(await createSpaceCheck(directory, 0)(0)).toBe(true)
    expect(await createSpaceCheck(directory, 0)(free + 1024 * GIB)).toBe(false)
    expect(await createSpaceCheck(directory, free + 1024 * GIB)(0)).toBe(false)
  })
})

describe('writeWhileSpaceLasts', () => {
  const plannedWrite = (overrides: Partial<PlannedWrite> = {}): PlannedWrite => ({
    bytes: 7,
    what: 'the thing',
    signal: new AbortController().signal,
    ...overrides,
  })

  test('throws without starting when there is no space', async () => {
    const hasSpace: SpaceCheck = async (bytes) => bytes < 7
    const started: true[] = []
    const diskFull = {
      kind: 'Transient',
      code: 'DiskFull',
      message: expect.stringContaining('no space for the 7 bytes of the thing: free some'),
    }
    await expect(writeWhileSpaceLasts(hasSpace, plannedWrite(), async () => started.push(true))).rejects.toMatchObject(
      diskFull,
    )
    expect(started).toEqual([])
  })

  test('aborts when the reserved space is touched', async () => {
    const hasSpace: SpaceCheck = async (bytes) => bytes > 0
    const limits = { cpuSeconds: 60, addressSpace: GIB, fileSize: 0, timeout: 60_000 }
    const work = (signal: AbortSignal) => runLimited('sleep', ['60'], limits, signal)
    const diskFull = {
      kind: 'Transient',
      code: 'DiskFull',
      message: 'no space for the thing: free some, or make the image cache smaller',
    }
    await expect(writeWhileSpaceLasts(hasSpace, plannedWrite(), work)).rejects.toMatchObject(diskFull)
  })

  test('aborts with the error of a failed check', async () => {
    const checkError = new Error('the file system is gone')
    const hasSpace: SpaceCheck = (bytes) => (bytes > 0 ? Promise.resolve(true) : Promise.reject(checkError))
    const { promise: forever, reject } = Promise.withResolvers<never>()
    const work = (signal: AbortSignal) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      return forever
    }
    await expect(writeWhileSpaceLasts(hasSpace, plannedWrite(), work)).rejects.toBe(checkError)
  })

  test('aborts with the reason of the caller', async () => {
    const caller = new AbortController()
    const reason = new Error('enough')
    const work = async (signal: AbortSignal) => {
      caller.abort(reason)
      signal.throwIfAborted()
    }
    await expect(writeWhileSpaceLasts(async () => true, plannedWrite({ signal: caller.signal }), work)).rejects.toBe(
      reason,
    )
  })
})
