/**
 * Opens an image that is a file of this host, in a directory that the operator named. A missing file may be on another
 * host, so the error lets the scheduler try the next host.
 */
import type { Stats } from 'node:fs'
import { open, realpath, stat } from 'node:fs/promises'
import { Terminal } from '../../crds/index.ts'
import { errorCodeOf } from '../files/errors.ts'
import type { OpenedSource, Validator } from './image-source.ts'

/**
 * Opens the file at byte `from` if its version is still `validator`, otherwise at its beginning.
 * @param roots the directories that images may lie in
 * @throws a Terminal error (not retried) with the code ImageSourceNotAllowed if the file lies outside `roots`
 * @throws a Terminal error with the code ImageFileMissing (a fault of this host) if the file does not exist or cannot
 * be read
 */
export async function openFileSource(
  path: string,
  roots: readonly string[],
  from: number,
  validator: Validator | undefined,
): Promise<OpenedSource> {
  const real = await realpathIfExists(path).catch((error: unknown) => {
    throw unreadableError(path, error)
  })
  const realRoots = (await Promise.all(roots.map(realpathIfExists))).filter((root) => root !== undefined)
  if (real === undefined) throw await explainMissing(path, roots, realRoots)
  if (!isInside(real, realRoots)) throw notAllowedError(roots)
  const { size, mtimeMs, ino } = await statRegularFile(path, real)
  const current = `${ino}-${size}-${mtimeMs}`
  const start = current === validator ? from : 0
  const file = await open(real).catch((error: unknown) => {
    throw unreadableError(path, error)
  })
  const body = file.createReadStream({ start })
  return { start, total: size, validator: current, mediaType: undefined, body }
}

const isInside = (path: string, roots: readonly string[]): boolean => roots.some((root) => path.startsWith(`${root}/`))

/** Undefined if the file, or a directory in its path, does not exist. */
async function realpathIfExists(path: string): Promise<string | undefined> {
  try {
    return await realpath(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCodeOf(error) ?? '')) return undefined
    throw error
  }
}

async function explainMissing(path: string, roots: readonly string[], realRoots: readonly string[]): Promise<Terminal> {
  const root = roots.find((candidate) => isInside(path, [candidate]))
  if (root === undefined && !isInside(path, realRoots)) return notAllowedError(roots)
  if (root === undefined || (await realpathIfExists(root)) !== undefined)
    return missingError(`${path} is not on this host: put the file there, on each host that shall run the server`)
  return missingError(
    `${path} is not on this host, nor is the directory ${root} (the agent's --image-dir): create it and put the file there`,
  )
}

/** Throws if the file is no regular file: reading a FIFO, for example, would never end. */
async function statRegularFile(path: string, real: string): Promise<Stats> {
  const stats = await stat(real)
  if (stats.isFile()) return stats
  throw missingError(
    `${path} is ${stats.isDirectory() ? 'a directory' : 'no regular file'} on this host: put the file there`,
  )
}

/**
 * Codes of errors with which this host cannot read the file at all, such as a loop of symbolic links or an NFS server
 * that denies access.
 */
const unreadableCodes = new Set(['EACCES', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'EPERM', 'ESTALE'])

/**
 * Converts an error of `unreadableCodes` to ImageFileMissing, marked as a fault of this host. Returns any other error
 * unchanged.
 */
function unreadableError(path: string, error: unknown): unknown {
  const code = errorCodeOf(error) ?? ''
  if (!unreadableCodes.has(code)) return error
  return missingError(
    `${path} cannot be read on this host (${code}): make it readable for the agent, or put another file there`,
    error,
  )
}

const missingError = (message: string, cause?: unknown) =>
  new Terminal('ImageFileMissing', message, { cause, isHostFault: true })

const notAllowedError = (roots: readonly string[]) =>
  new Terminal(
    'ImageSourceNotAllowed',
    `file sources must lie in a directory that the operator of the host named: ${roots.join(', ') || 'none'}`,
  )
