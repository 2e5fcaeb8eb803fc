/** Cutting the head off a file that another process appends to: fallocate(2), by util-linux's program. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Terminal } from '../../crds/index.ts'

const run = promisify(execFile)

/**
 * Removes the first `length` bytes, a whole number of blocks. Where the file system cannot collapse (tmpfs, btrfs), the
 * bytes become a hole. Throws Terminal ConsoleLogNotRotatable if it can do neither.
 */
export async function cutHead(path: string, length: number, signal?: AbortSignal): Promise<void> {
  const range = ['--offset', '0', '--length', String(length), path]
  const options = { ...(signal !== undefined && { signal }), env: { PATH: process.env['PATH'], LC_ALL: 'C' } }
  try {
    await run('fallocate', ['--collapse-range', ...range], options)
  } catch (cause) {
    if (!isUnsupported(cause)) throw cause
    await run('fallocate', ['--punch-hole', ...range], options).catch((error: unknown) => {
      if (!isUnsupported(error)) throw error
      throw new Terminal('ConsoleLogNotRotatable', `${path}: its file system has no holes`, { cause: error })
    })
  }
}

/** EOPNOTSUPP; or EINVAL for a range that does not suit the file system's allocation unit. */
function isUnsupported(error: unknown): boolean {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  return /not supported|invalid argument/i.test(stderr)
}
