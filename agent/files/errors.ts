/** Helpers for errors of file operations. */
import { stat } from 'node:fs/promises'
import { Transient } from '../../crds/index.ts'

/** For `catch`: returns undefined if the error means that a file does not exist, and throws every other error again. */
export function ignoreNotFound(error: unknown): undefined {
  if (errorCodeOf(error) === 'ENOENT') return undefined
  throw error
}

export function errorCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

export async function pathExists(path: string): Promise<boolean> {
  return (await stat(path).catch(ignoreNotFound)) !== undefined
}

/**
 * Returns a Transient error (retried) with the code DiskFull if the error means that the disk or a quota is full, and
 * every other error as it is.
 * @param what the file that did not fit, for the message
 */
export function toDiskFull(error: unknown, what: string): unknown {
  if (!['ENOSPC', 'EDQUOT'].includes(errorCodeOf(error) ?? '')) return error
  return new Transient('DiskFull', `no space for ${what}: free some, or make the image cache smaller`, { cause: error })
}
