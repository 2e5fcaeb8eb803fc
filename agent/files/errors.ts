/** Helpers for errors of file operations. */
import { stat } from 'node:fs/promises'
import { Transient } from '../../crds/index.ts'

/** For `catch`: returns undefined if a file does not exist; throws any other error again. */
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
 * Converts an error that means a full disk or quota to a Transient error (retried) with the code DiskFull. Returns any
 * other error as it is.
 * @param what the file that did not fit, for the message
 */
export function toDiskFull(error: unknown, what: string): unknown {
  if (!['ENOSPC', 'EDQUOT'].includes(errorCodeOf(error) ?? '')) return error
  return newDiskFull(what, error)
}

/** @param what what did not fit, for the message */
export const newDiskFull = (what: string, cause?: unknown): Transient =>
  new Transient('DiskFull', `no space for ${what}: free some, or make the image cache smaller`, { cause })
