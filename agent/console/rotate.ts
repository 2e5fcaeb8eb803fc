/**
 * Rotation and reading of a serial console's log, which QEMU (or virtlogd) holds open and appends to.
 * The plan: copy the head of the log to <log>.1, then cut that head off the log. Moving the file would not do, the writer keeps
 * its descriptor; truncating after a copy loses what is written in between. FALLOC_FL_COLLAPSE_RANGE cuts off whole blocks at the
 * head, and FALLOC_FL_PUNCH_HOLE frees them in place (then the log keeps its length and begins with a hole); neither touches what
 * an O_APPEND writer adds at the same time. So nothing is lost, also by a crash: the copy is complete before the cut, and a
 * rotation that finds the head copied already only cuts.
 */
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { Transient } from '../../crds/index.ts'
import { cutHead } from './cut-head.ts'
import { absent, exists, openLog, rotated } from './files.ts'

export interface RotateOptions {
  /** The log is rotated when it takes more bytes of disk than this. */
  maxBytes: number
  /** Rotated files to keep: <log>.1 is the newest. */
  maxFiles: number
  signal?: AbortSignal
}

const CHUNK = 256 * 1024

/** Rotates if it is due. Returns the bytes moved into <log>.1; 0: not due, or no log yet. One call at a time per log. */
export async function rotate(log: string, { maxBytes, maxFiles, signal }: RotateOptions): Promise<number> {
  const file = await openLog(log)
  if (file === undefined) return 0
  try {
    await finishCut(file, log, signal)
    const { size, blocks, blksize } = await file.stat()
    if (blocks * 512 <= maxBytes) return 0
    // Only whole blocks can be cut off, and never all of the file.
    const end = Math.floor((size - 1) / blksize) * blksize
    const start = await dataStart(file, end)
    if (start >= end) return 0
    await copy(file, start, end, `${log}.new`, signal)
    await writeFile(cutFile(log), JSON.stringify({ start, end } satisfies Cut), { flush: true })
    await shift(log, maxFiles)
    await cutHead(log, end, signal)
    await rm(cutFile(log))
    return end - start
  } finally {
    await file.close()
  }
}

/** The part of the log that <log>.1 has or is about to get; kept in <log>.cut until the log has it no more. */
interface Cut {
  start: number
  end: number
}

const cutFile = (log: string) => `${log}.cut`

/** After a crash: the head that <log>.1 has already must be cut off, not be copied once more. */
async function finishCut(file: FileHandle, log: string, signal?: AbortSignal): Promise<void> {
  const cut = await readCut(log)
  if (cut === undefined) return
  // With <log>.new still there the rotated files were not shifted to the end: it is all done again.
  const shifted = !(await exists(`${log}.new`))
  if (shifted && (await sameBytes(file, cut, `${log}.1`))) await cutHead(log, cut.end, signal)
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

/** Where the data begins after the hole that earlier rotations left: a hole reads as zeros, which no console needs. */
async function dataStart(file: FileHandle, end: number): Promise<number> {
  const buffer = Buffer.alloc(CHUNK)
  for (let position = 0; position < end; position += CHUNK) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, end - position), position)
    const index = buffer.subarray(0, bytesRead).findIndex((byte) => byte !== 0)
    if (index >= 0) return position + index
    if (bytesRead === 0) break
  }
  return end
}

/** Copies [start, end) into a new file, which is on disk when this returns. */
async function copy(file: FileHandle, start: number, end: number, target: string, signal?: AbortSignal): Promise<void> {
  const out = await open(target, 'w', 0o600)
  try {
    const buffer = Buffer.alloc(CHUNK)
    for (let position = start; position < end; ) {
      signal?.throwIfAborted()
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

/** <log>.new becomes <log>.1, which becomes <log>.2, and so on; the oldest goes. */
async function shift(log: string, maxFiles: number): Promise<void> {
  for (const n of (await rotated(log)).reverse()) {
    if (n >= maxFiles) await rm(`${log}.${n}`, { force: true })
    else await rename(`${log}.${n}`, `${log}.${n + 1}`)
  }
  await rename(`${log}.new`, `${log}.1`)
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
