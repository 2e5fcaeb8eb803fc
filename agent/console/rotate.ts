/**
 * Rotates the log of a serial console, which QEMU (or virtlogd) holds open and appends to. <log>.0 and the log together
 * always hold at least the newest `maxBytes` of the output; older output is removed.
 *
 * A rotation copies the head of the log to <log>.0, then cuts that head off the log. Renaming the log would not work,
 * because the writer keeps its descriptor; truncating it after a copy would lose output written in between.
 * FALLOC_FL_COLLAPSE_RANGE removes whole blocks at the head. Where the file system cannot do that,
 * FALLOC_FL_PUNCH_HOLE frees them in place: the log then keeps its length and begins with a hole. Neither touches what
 * an O_APPEND writer adds at the same time.
 *
 * A crash loses nothing either: the copy is complete before the cut, and a rotation that finds the head already copied
 * only cuts.
 *
 * virtlogd also rotates, by its own limits and to the same names: it renames the log, and its newest file is <log>.0.
 */
import type { Stats } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { Transient } from '../../crds/index.ts'
import { ignoreNotFound, pathExists } from '../files/errors.ts'
import { cutHead } from './cut-head.ts'
import { listRotatedFiles, openLog } from './files.ts'

export interface RotateOptions {
  /** A log that exceeds this by more than one block is rotated. At most this many bytes are copied. */
  maxBytes: number
}

const CHUNK = 256 * 1024

/**
 * Rotates the log if it has grown beyond `maxBytes`. Returns how many bytes were moved into <log>.0: 0 if no rotation
 * is due or if there is no log yet. The caller must not run two calls for one log at the same time.
 */
export async function rotateLog(log: string, { maxBytes }: RotateOptions): Promise<number> {
  const file = await openLog(log)
  if (file === undefined) return 0
  try {
    await finishCut(file, log)
    if (!isRotationDue(await file.stat(), maxBytes)) return 0
    await removeOldest(file, log, maxBytes)
    const now = await file.stat()
    // Only whole blocks can be cut off, and never all of the file.
    const end = Math.floor((now.size - 1) / now.blksize) * now.blksize
    const start = await findDataStart(file, startOfNewest(now, maxBytes), end)
    if (start >= end) return 0
    await copyRange(file, start, end, `${log}.new`)
    if (!(await isStillNamed(file, log))) {
      // virtlogd has renamed the log in the meantime.
      await rm(`${log}.new`)
      return 0
    }
    await writeFile(cutNotePath(log), JSON.stringify({ start, end } satisfies CutNote), { flush: true })
    await rename(`${log}.new`, `${log}.0`)
    await cutHead(file, log, end)
    await rm(cutNotePath(log))
    return end - start
  } finally {
    await file.close()
  }
}

/**
 * Whether the log's data exceeds `maxBytes` by more than a block: a cut removes whole blocks and must leave enough. The
 * length counts a hole at the head of the log, the blocks do not, so the smaller of the two is the data.
 */
function isRotationDue({ size, blocks, blksize }: Stats, maxBytes: number): boolean {
  return Math.min(size, blocks * 512) > maxBytes + blksize
}

/** The offset of the newest `maxBytes`, rounded down to the start of a block. */
function startOfNewest({ size, blksize }: Stats, maxBytes: number): number {
  return Math.max(0, Math.floor((size - maxBytes) / blksize) * blksize)
}

/**
 * Removes everything older than the newest `maxBytes` of the log. This output may be gigabytes, so it is not copied,
 * and it is removed before the rest is copied because it may have filled the disk. The rotated files are older still
 * and go first, so that a crash leaves no gap in the output.
 */
async function removeOldest(file: FileHandle, log: string, maxBytes: number): Promise<void> {
  for (const path of await listRotatedFiles(log)) await rm(path, { force: true })
  await cutHead(file, log, startOfNewest(await file.stat(), maxBytes))
}

/** Whether the open file still has the name of the log. virtlogd renames the log to rotate it. */
async function isStillNamed(file: FileHandle, log: string): Promise<boolean> {
  return (await file.stat()).ino === (await stat(log).catch(ignoreNotFound))?.ino
}

/**
 * The range of the log that is or will be copied to <log>.0. The file <log>.cut holds it until the range is cut off the
 * log.
 */
interface CutNote {
  start: number
  end: number
}

const cutNotePath = (log: string): string => `${log}.cut`

/** Finishes a rotation that a crash interrupted: a head that is already in <log>.0 is cut off, not copied again. */
async function finishCut(file: FileHandle, log: string): Promise<void> {
  const note = await readCutNote(log)
  if (note === undefined) return
  // While <log>.new exists, <log>.0 is not yet the copy: the rotation starts again.
  const isCopyComplete = !(await pathExists(`${log}.new`))
  if (isCopyComplete && (await isCopyOfRange(file, note, `${log}.0`))) await cutHead(file, log, note.end)
  await rm(`${log}.new`, { force: true })
  await rm(cutNotePath(log), { force: true })
}

async function readCutNote(log: string): Promise<CutNote | undefined> {
  const text = await readFile(cutNotePath(log), 'utf8').catch(ignoreNotFound)
  try {
    return text === undefined ? undefined : (JSON.parse(text) as CutNote)
  } catch {
    // The note is half written, so nothing has been renamed or cut yet. An empty range makes the caller start again.
    return { start: 0, end: 0 }
  }
}

/** Removes the log, its rotated files and the remains of an interrupted rotation. */
export async function removeLogs(log: string): Promise<void> {
  for (const path of [log, `${log}.new`, cutNotePath(log), ...(await listRotatedFiles(log))])
    await rm(path, { force: true })
}

/**
 * The offset of the first byte in [start, end) that is not zero. Earlier rotations may have left a hole, which reads as
 * zeros; a console never needs zeros.
 */
async function findDataStart(file: FileHandle, start: number, end: number): Promise<number> {
  const buffer = Buffer.alloc(CHUNK)
  for (let position = start; position < end; position += CHUNK) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK, end - position), position)
    const index = buffer.subarray(0, bytesRead).findIndex((byte) => byte !== 0)
    if (index >= 0) return position + index
    if (bytesRead === 0) break
  }
  return end
}

/** Copies [start, end) into a new file, which is flushed to disk when this returns. */
async function copyRange(file: FileHandle, start: number, end: number, target: string): Promise<void> {
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

/** Whether the file at `path` consists of exactly the bytes of that range. */
async function isCopyOfRange(file: FileHandle, { start, end }: CutNote, path: string): Promise<boolean> {
  const other = await openLog(path)
  if (other === undefined) return false
  try {
    const { size } = await other.stat()
    if (size === 0 || size !== end - start) return false
    const [fileBytes, otherBytes] = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)]
    for (let position = 0; position < size; ) {
      const length = Math.min(CHUNK, size - position)
      const left = await file.read(fileBytes, 0, length, start + position)
      const right = await other.read(otherBytes, 0, length, position)
      const count = Math.min(left.bytesRead, right.bytesRead)
      if (count === 0 || fileBytes.compare(otherBytes, 0, count, 0, count) !== 0) return false
      position += count
    }
    return true
  } finally {
    await other.close()
  }
}
