/** Creates files that are there as a whole or not at all, also after a power cut. */
import { randomBytes } from 'node:crypto'
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { toDiskFull } from './errors.ts'

function temporaryPath(path: string): string {
  return `${path}.tmp-${randomBytes(6).toString('hex')}`
}

function isTemporary(name: string): boolean {
  return /\.tmp-[0-9a-f]{12}$/.test(name)
}

/**
 * Removes temporary files that a crash left, if `isOwned` accepts their names. The caller must not be creating any of
 * them meanwhile.
 */
export async function removeTemporaryFiles(directory: string, isOwned: (name: string) => boolean): Promise<void> {
  for (const name of await readdir(directory)) {
    if (isTemporary(name) && isOwned(name)) await rm(join(directory, name), { recursive: true, force: true })
  }
}

/** Flushes a file or a directory to disk. */
export async function syncToDisk(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Renames a complete file; content and name are on disk when this returns. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await syncToDisk(from)
  await rename(from, to)
  await syncToDisk(dirname(to))
}

/**
 * Lets `write` fill a temporary path, which then becomes `path`; a failure leaves nothing. Throws Transient DiskFull.
 */
export async function createAtomically(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryPath(path)
  try {
    await write(temporary)
    await renameDurably(temporary, path)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw toDiskFull(error, path)
  }
}

export async function writeFileAtomically(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  await createAtomically(path, (temporary) => writeFile(temporary, data, { mode }))
}
