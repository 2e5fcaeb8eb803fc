/** Files that are there whole or not at all, also after a power cut. */
import { randomBytes } from 'node:crypto'
import { open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transient } from '../../crds/index.ts'

/** For catch: what is not there is undefined. */
export function absent(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT') return undefined
  throw error
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(absent)) !== undefined
}

/** A name beside `path` for what is being made. */
export function temporary(path: string): string {
  return `${path}.tmp-${randomBytes(6).toString('hex')}`
}

function isTemporary(name: string): boolean {
  return /\.tmp-[0-9a-f]{12}$/.test(name)
}

/** Removes what a crash left in a folder under names that `mine` knows; nothing under them may be in the making. */
export async function removeTemporary(directory: string, mine: (name: string) => boolean): Promise<void> {
  for (const name of await readdir(directory)) {
    if (isTemporary(name) && mine(name)) await rm(join(directory, name), { recursive: true, force: true })
  }
}

/** What a file or directory holds is on disk. */
export async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Renames what is complete to its name, for good. */
export async function publish(from: string, to: string): Promise<void> {
  await sync(from)
  await rename(from, to)
  await sync(dirname(to))
}

/** `make` fills a temporary name, which then becomes `path`; if it fails nothing is left. Throws Transient DiskFull. */
export async function atomically(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const target = temporary(path)
  try {
    await make(target)
    await publish(target, path)
  } catch (error) {
    await rm(target, { recursive: true, force: true })
    throw diskFull(error, path)
  }
}

export async function writeAtomically(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  await atomically(path, (target) => writeFile(target, data, { mode }))
}

/** Full disks get better: anything else stays what it is. */
export function diskFull(error: unknown, what: string): unknown {
  if (!['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '')) return error
  return new Transient('DiskFull', `no space for ${what}: free some, or let the image cache be smaller`, {
    cause: error,
  })
}
