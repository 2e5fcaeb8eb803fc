/**
 * Rotation and reading of a serial console's log, which QEMU (or virtlogd) holds open and appends to. The newest `maxBytes` of all
 * that was written are always there, in <log>.0 and the log; what is older goes.
 * The plan: copy the head of the log to <log>.0, then cut that head off the log. Moving the file would not do, the writer keeps
 * its descriptor; truncating after a copy loses what is written in between. FALLOC_FL_COLLAPSE_RANGE cuts off whole blocks at the
 * head, and FALLOC_FL_PUNCH_HOLE frees them in place (then the log keeps its length and begins with a hole); neither touches what
 * an O_APPEND writer adds at the same time. So nothing is lost, also by a crash: the copy is complete before the cut, and a
 * rotation that finds the head copied already only cuts.
 * virtlogd rotates too, by its own limits and to the same names: it renames, and <log>.0 is its newest.
 */
import type { Stats } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { Transient } from '../../crds/index.ts'
import { cutHead } from './cut-head.ts'
import { absent, exists, openLog, rotated } from './files.ts'

export interface RotateOptions {
  /** The log is rotated when it has more bytes than this, and a block; no more than this are copied. */
  maxBytes: number
}

const CHUNK = 256 * 1024

/** Rotates if it is due. Returns the bytes moved into <log>.0; 0: not due, or no log yet. One call at a time per log. */
export async function rotate(log: string, { maxBytes }: RotateOptions): Promise<number> {
  const file = await openLog(log)
  if (file === undefined) return 0
  try {
    await finishCut(file, log)
    if (!isDue(await file.stat(), maxBytes)) return 0
    await trim(file, log, maxBytes)
    const now = await file.stat()
    // Only whole blocks can be cut off, and never all of the file.
    const end = Math.floor((now.size - 1) / now.blksize) * now.blksize
    const start = await dataStart(file, oldest(now, maxBytes), end)
    if (start >= end) return 0
    await copy(file, start, end, `${log}.new`)
    if (!(await isNamed(file, log))) {
      // virtlogd was quicker.
      await rm(`${log}.new`)
      return 0
    }
    await writeFile(cutFile(log), JSON.stringify({ start, end } satisfies Cut), { flush: true })
    await rename(`${log}.new`, `${log}.0`)
    await cutHead(file, log, end)
    await rm(cutFile(log))
    return end - start
  } finally {
    await file.close()
  }
}

/** By its length, or by its blocks if it begins with a hole; by a block more, so that enough is left where whole blocks are cut off. */
function isDue({ size, blocks, blksize }: Stats, maxBytes: number): boolean {
  return Math.min(size, blocks * 512) > maxBytes + blksize
}

/** From where on the newest `maxBytes` are, from the beginning of a block. */
function oldest({ size, blksize }: Stats, maxBytes: number): number {
  return Math.max(0, Math.floor((size - maxBytes) / blksize) * blksize)
}

/**
 * Cuts off what is older than the newest `maxBytes`, which the log has if it is due. Without a copy, it may be gigabytes; and before
 * the copy of the rest, the disk may be full of it. What was rotated before is older still, and goes first: a log has no gap.
 */
async function trim(file: FileHandle, log: string, maxBytes: number): Promise<void> {
  for (const n of await rotated(log)) await rm(`${log}.${n}`, { force: true })
  await cutHead(file, log, oldest(await file.stat(), maxBytes))
}

/** Is it the log still, and has not been renamed? */
async function isNamed(file: FileHandle, log: string): Promise<boolean> {
  return (await file.stat()).ino === (await stat(log).catch(absent))?.ino
}

/** The part of the log that <log>.0 has or is about to get; kept in <log>.cut until the log has it no more. */
interface Cut {
  start: number
  end: number
}

const cutFile = (log: string) => `${log}.cut`

/** After a crash: the head that <log>.0 has already must be cut off, not be copied once more. */
async function finishCut(file: FileHandle, log: string): Promise<void> {
  const cut = await readCut(log)
  if (cut === undefined) return
  // With <log>.new still there <log>.0 is not the copy yet: it is all done again.
  const shifted = !(await exists(`${log}.new`))
  if (shifted && (await sameBytes(file, cut, `${log}.0`))) await cutHead(file, log, cut.end)
  await rm(`${log}.new`, { force: true })
  await rm(cutFile(log), { force: true })
}

async function readCut(log: string): Promise<Cut | undefined> {
  const text = await readFile(cutFile(log), 'utf8').catch(absent)
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Cut)
  } catch {
    // Half written: nothing has been shifted or cut yet, and an empty range makes the caller start anew.
    return { start: 0, end: 0 }
  }
}

/** Removes the log and all that was rotated from it. */
export async function removeLogs(log: string): Promise<void> {
  for (const path of [log, `${log}.new`, cutFile(log), ...(await rotated(log)).map((n) => `${log}.${n}`)])
    await rm(path, { force: true })
}

/** Where the data of [start, end) begins, after the hole that earlier rotations left: a hole reads as zeros, which no console needs. */
async function dataStart(file: FileHandle, start: number, end: number): Promise<number> {
  const buffer = Buffer.alloc(CHUNK)
  for (let position = start; position < end; position += CHUNK) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, end - position), position)
    const index = buffer.subarray(0, bytesRead).findIndex((byte) => byte !== 0)
    if (index >= 0) return position + index
    if (bytesRead === 0) break
  }
  return end
}

/** Copies [start, end) into a new file, which is on disk when this returns. */
async function copy(file: FileHandle, start: number, end: number, target: string): Promise<void> {
  const out = await open(target, 'w', 0o600)
  try {
    const buffer = Buffer.alloc(CHUNK)
    for (let position = start; position < end; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, end - position), position)
      if (bytesRead === 0)
        throw new Transient('ConsoleLogChanged', `${target}: the log became shorter while it was copied`)
      await out.writeFile(buffer.subarray(0, bytesRead))
      position += bytesRead
    }
    await out.sync()
  } finally {
    await out.close()
  }
}

async function sameBytes(file: FileHandle, { start, end }: Cut, path: string): Promise<boolean> {
  const other = await openLog(path)
  if (other === undefined) return false
  try {
    const { size } = await other.stat()
    if (size === 0 || size !== end - start) return false
    const [a, b] = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)]
    for (let position = 0; position < size; ) {
      const want = Math.min(CHUNK, size - position)
      const [left, right] = [await file.read(a, 0, want, start + position), await other.read(b, 0, want, position)]
      const count = Math.min(left.bytesRead, right.bytesRead)
      if (count === 0 || a.compare(b, 0, count, 0, count) !== 0) return false
      position += count
    }
    return true
  } finally {
    await other.close()
  }
}
