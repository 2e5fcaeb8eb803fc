/**
 * Rotates the log of a serial console, which QEMU (or virtlogd) holds open and appends to. The log and <log>.0 together
 * always hold at least the newest `maxBytes` of the output; older output is removed.
 *
 * A rotation copies the head of the log to <log>.0, then cuts that head off the log (cut-head.ts). Renaming the log
 * would not work, because the writer has the file open and would go on writing to the renamed file. Truncating the log
 * would lose output that is written after the copy.
 *
 * A crash of the agent loses no output, because the cut begins only after the copy is complete. virtlogd may rotate the
 * log too, when virtlogd's own size limit is reached: it renames the log to <log>.0.
 */
import type { Stats } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { Transient } from '../../crds/index.ts'
import { ignoreNotFound, pathExists } from '../files/errors.ts'
import { cutHead } from './cut-head.ts'
import { listRotatedFiles, openLog } from './files.ts'

export interface RotateOptions {
  /** Bytes of output to keep. A log is rotated when it exceeds this number by more than one block. */
  maxBytes: number
}

const CHUNK = 256 * 1024

/**
 * Rotates the log if it has grown beyond `maxBytes`. Returns the number of bytes that were moved to <log>.0; 0 if no
 * rotation is due or there is no log. Two calls for one log must not run at the same time.
 */
export async function rotateLog(log: string, { maxBytes }: RotateOptions): Promise<number> {
  const file = await openLog(log)
  if (file === undefined) return 0
  try {
    await finishCut(file, log)
    if (!isRotationDue(await file.stat(), maxBytes)) return 0
    await removeOldest(file, log, maxBytes)
    const now = await file.stat()
    // Only whole blocks can be cut off, and at least one byte must stay in the file.
    const end = Math.floor((now.size - 1) / now.blksize) * now.blksize
    const start = await findDataStart(file, startOfNewest(now, maxBytes), end)
    if (start >= end) return 0
    await copyRange(file, start, end, `${log}.new`)
    if (!(await isStillNamed(file, log))) {
      // virtlogd has rotated the log during the copy, so a rotated file has this output already. Discard the copy.
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
 * Whether the log has more than `maxBytes` plus one block of data. Both numbers of the file can be larger than the
 * data: `size` includes a hole at the head, and `blocks` counts the last block in full. So take the smaller one.
 */
function isRotationDue({ size, blocks, blksize }: Stats, maxBytes: number): boolean {
  return Math.min(size, blocks * 512) > maxBytes + blksize
}

/** Returns the offset of the newest `maxBytes`, rounded down to the start of a block. */
function startOfNewest({ size, blksize }: Stats, maxBytes: number): number {
  return Math.max(0, Math.floor((size - maxBytes) / blksize) * blksize)
}

/**
 * Removes all output older than the newest `maxBytes`. This output may have filled the disk, so it is removed before
 * any output is copied. The rotated files hold the oldest output, so they are removed first: if the agent crashes
 * before it cuts the log, the remaining output has no gap.
 */
async function removeOldest(file: FileHandle, log: string, maxBytes: number): Promise<void> {
  for (const path of await listRotatedFiles(log)) await rm(path, { force: true })
  await cutHead(file, log, startOfNewest(await file.stat(), maxBytes))
}

/** Whether the open file still has the log's name. virtlogd renames the file when it rotates the log. */
async function isStillNamed(file: FileHandle, log: string): Promise<boolean> {
  return (await file.stat()).ino === (await stat(log).catch(ignoreNotFound))?.ino
}

/**
 * The content of <log>.cut: the range of the log that the current rotation copies to <log>.0 and then cuts off the log.
 * After the cut, <log>.cut is removed.
 */
interface CutNote {
  start: number
  end: number
}

const cutNotePath = (log: string): string => `${log}.cut`

/**
 * Finishes a rotation that a crash interrupted. If <log>.0 is a complete copy of the head of the log, cuts that head
 * off. Otherwise removes what the rotation left; the caller then rotates anew.
 */
async function finishCut(file: FileHandle, log: string): Promise<void> {
  const note = await readCutNote(log)
  if (note === undefined) return
  // If <log>.new exists, the crash came before <log>.new was renamed to <log>.0. Then the caller copies again.
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
    // The agent crashed while it wrote <log>.cut, so it had not cut the log yet. Return an empty range, with which
    // `finishCut` cuts nothing either.
    return { start: 0, end: 0 }
  }
}

/** Removes the log, its rotated files and the remains of an interrupted rotation. */
export async function removeLogs(log: string): Promise<void> {
  for (const path of [log, `${log}.new`, cutNotePath(log), ...(await listRotatedFiles(log))])
    await rm(path, { force: true })
}

/**
 * Returns the offset of the first byte in [start, end) that is not zero; `end` if all are zero. This skips the hole
 * that an earlier rotation left. If the guest printed zeros right after the hole, they are skipped, too.
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

/** Copies the bytes [start, end) into a new file, and flushes the new file to disk. */
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

/** Whether the file at `path` consists of exactly the bytes [start, end) of the log. */
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
