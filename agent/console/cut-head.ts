/**
 * Cuts the head off a file that another process appends to, with fallocate(2), which Node reaches through util-linux's
 * program. This loses no output; copying and truncating a log lost up to 356 lines, in 9 of 50 rotations
 * (test/bench/console-rotation.ts).
 */
import { execFile } from 'node:child_process'
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Terminal } from '../../crds/index.ts'

const execute = promisify(execFile)

/**
 * Removes the first `length` bytes of the file. Where the file system cannot collapse a range (tmpfs, btrfs), the bytes
 * become a hole.
 * @param path the file's name, for messages
 * @param length a whole number of blocks
 * @throws Terminal ConsoleLogNotRotatable if the file system can do neither
 */
export async function cutHead(file: FileHandle, path: string, length: number): Promise<void> {
  // By its descriptor, because another file may have its name by now.
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

/** Whether it is EOPNOTSUPP, or EINVAL for a range that does not suit the file system's allocation unit. */
function isUnsupported(error: unknown): boolean {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  return /not supported|invalid argument/i.test(stderr)
}
