import { listRotatedFiles, openLog } from './files.ts'

export interface TailOptions {
  /** Default: 100 KiB, the value of Nova's MAX_CONSOLE_BYTES. */
  bytes?: number
  /** Default: no limit. */
  lines?: number
}

/** Also reads rotated files, as far as needed. Returns an empty buffer if there is no log. */
export async function readTail(
  log: string,
  { bytes = 102_400, lines = Number.POSITIVE_INFINITY }: TailOptions = {},
): Promise<Buffer> {
  const parts: Buffer[] = []
  let missing = bytes
  for (const path of [log, ...(await listRotatedFiles(log))]) {
    if (missing <= 0) break
    const part = await readLastBytes(path, missing)
    parts.unshift(part)
    missing -= part.length
  }
  return lastLinesOf(Buffer.concat(parts), lines)
}

/** A newline at the end of the text ends the last line and does not begin another. */
export function lastLinesOf(text: Buffer, count: number): Buffer {
  if (count <= 0) return text.subarray(text.length)
  let at = text.length - 1
  for (let n = 0; at > 0; n++) {
    at = text.lastIndexOf(0x0a, at - 1)
    if (at < 0) return text
    if (n + 1 >= count) return text.subarray(at + 1)
  }
  return text
}

/** Drops leading zeros: they are the hole that a rotation left. */
async function readLastBytes(path: string, count: number): Promise<Buffer> {
  const file = await openLog(path)
  if (file === undefined) return Buffer.alloc(0)
  try {
    const { size } = await file.stat()
    const buffer = Buffer.alloc(Math.min(count, size))
    let filled = 0
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, size - buffer.length + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    const text = buffer.subarray(0, filled)
    const first = text.findIndex((byte) => byte !== 0)
    return first < 0 ? text.subarray(filled) : text.subarray(first)
  } finally {
    await file.close()
  }
}
