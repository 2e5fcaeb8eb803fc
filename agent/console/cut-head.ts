/**
 * Removes the head of a file while another process appends to it, without losing output. Node has no fallocate(2), so
 * this runs util-linux's `fallocate`. Copying and truncating loses output: in a benchmark, 9 of 50 rotations lost up to
 * 356 lines (test/bench/console-rotation.ts).
 */
import { execFile } from 'node:child_process'
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Terminal } from '../../crds/index.ts'

const execute = promisify(execFile)

/**
 * Removes the first `length` bytes of a file. On file systems that cannot shorten a file at its head (tmpfs, btrfs),
 * these bytes become a hole, and the file keeps its length.
 * @param path the file's name, for messages
 * @param length in bytes; a whole number of file system blocks
 * @throws a Terminal error (not retried) with the code ConsoleLogNotRotatable if the file system can neither remove the
 * bytes nor make a hole
 */
export async function cutHead(file: FileHandle, path: string, length: number): Promise<void> {
  // virtlogd may have renamed the log, so `path` may be another file by now. Therefore `fallocate` gets the open file
  // by its descriptor.
  const range = ['--offset', '0', '--length', String(length), `/proc/${process.pid}/fd/${file.fd}`]
  const options = { env: { PATH: process.env['PATH'], LC_ALL: 'C' } }
  try {
    await execute('fallocate', ['--collapse-range', ...range], options)
  } catch (cause) {
    if (!isUnsupported(cause)) throw cause
    await execute('fallocate', ['--punch-hole', ...range], options).catch((error: unknown) => {
      if (!isUnsupported(error)) throw error
      throw new Terminal('ConsoleLogNotRotatable', `${path}: its file system has no holes`, { cause: error })
    })
  }
}

/** EOPNOTSUPP: the file system lacks the operation. EINVAL: the range does not end at a block of the file system. */
function isUnsupported(error: unknown): boolean {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  return /not supported|invalid argument/i.test(stderr)
}
