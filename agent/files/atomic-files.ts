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
 * Removes the temporary files that a crash left and whose names `isOwned` accepts. Such files must not be written
 * meanwhile.
 */
export async function removeTemporaryFiles(directory: string, isOwned: (name: string) => boolean): Promise<void> {
  for (const name of await readdir(directory)) {
    if (isTemporary(name) && isOwned(name)) await rm(join(directory, name), { recursive: true, force: true })
  }
}

export async function syncToDisk(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Flushes the file's content to disk before the rename, and its new name afterwards. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await syncToDisk(from)
  await rename(from, to)
  await syncToDisk(dirname(to))
}

/**
 * Calls `write` to fill a temporary file or folder, then renames it to `path`. After an error, removes what was
 * written.
 * @throws a Transient error (retried) with the code DiskFull if the disk is full; any other error as it is
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
