/**
 * Rotates the log of a serial console, which QEMU or virtlogd holds open and appends to. The log and <log>.0 together
 * always hold at least the newest `maxBytes` of the output.
 *
 * A rotation copies the head of the log to <log>.0, then cuts that head off the log (cut-head.ts). A crash of the agent
 * loses no output, because the cut begins only after the copy is complete. virtlogd may rotate the log too, at its own
 * size limit: it renames the log to <log>.0.
 */
import type { Stats } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { Transient } from '../../crds/index.ts'
import { ignoreNotFound, pathExists } from '../files/errors.ts'
import { cutHead } from './cut-head.ts'
import { listRotatedFiles, openLog } from './files.ts'

export interface RotateOptions {
  /** The log is rotated when it exceeds this number by more than one block. */
  maxBytes: number
}

const CHUNK = 256 * 1024

/**
 * Returns the number of bytes that were moved to <log>.0; 0 if no rotation is due or there is no log. Two calls for one
 * log must not run at the same time.
 */
export async function rotateLog(log: string, { maxBytes }: RotateOptions): Promise<number> {
  const file = await openLog(log)
  if (file === undefined) return 0
  try {
    await finishCut(file, log)
    if (!isRotationDue(await file.stat(), maxBytes)) return 0
    await removeOldest(file, log, maxBytes)
    const now = await file.stat()
    const end = Math.floor((now.size - 1) / now.blksize) * now.blksize
    const start = await findDataStart(file, startOfNewest(now, maxBytes), end)
    if (start >= end) return 0
    await copyRange(file, start, end, `${log}.new`)
    if (!(await isStillNamed(file, log))) {
      // virtlogd has rotated the log during the copy, so a rotated file has this output already.
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
 * `size` includes a hole at the head of the log, and `blocks` counts the last block in full. The smaller of the two is
 * the size of the data.
 */
function isRotationDue({ size, blocks, blksize }: Stats, maxBytes: number): boolean {
  return Math.min(size, blocks * 512) > maxBytes + blksize
}

function startOfNewest({ size, blksize }: Stats, maxBytes: number): number {
  return Math.max(0, Math.floor((size - maxBytes) / blksize) * blksize)
}

/**
 * Old output may have filled the disk, so it is removed before any output is copied. The rotated files go first: if the
 * agent then crashes, the remaining output has no gap.
 */
async function removeOldest(file: FileHandle, log: string, maxBytes: number): Promise<void> {
  for (const path of await listRotatedFiles(log)) await rm(path, { force: true })
  await cutHead(file, log, startOfNewest(await file.stat(), maxBytes))
}

/** virtlogd renames the file when it rotates the log. */
async function isStillNamed(file: FileHandle, log: string): Promise<boolean> {
  return (await file.stat()).ino === (await stat(log).catch(ignoreNotFound))?.ino
}

/** The content of <log>.cut: the range of the log that the current rotation copies to <log>.0 and then cuts off. */
interface CutNote {
  start: number
  end: number
}

const cutNotePath = (log: string): string => `${log}.cut`

/**
 * Finishes a rotation that a crash interrupted. If <log>.0 is incomplete, removes what the rotation left; the caller
 * then rotates anew.
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
    // The agent crashed while it wrote <log>.cut, so it had not cut the log yet. An empty range makes `finishCut` cut
    // nothing.
    return { start: 0, end: 0 }
  }
}

export async function removeLogs(log: string): Promise<void> {
  for (const path of [log, `${log}.new`, cutNotePath(log), ...(await listRotatedFiles(log))])
    await rm(path, { force: true })
}

/**
 * Returns `end` if all bytes in [start, end) are zero. Zeros at the start are the hole that an earlier rotation left;
 * zeros that the guest printed right after it are skipped, too.
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

/** Flushes the new file to disk. */
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
