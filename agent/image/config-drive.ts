/** The config drive: metadataFiles in an ISO 9660 image with label config-2, made anew only when they have changed. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Guest } from '../../actions/host/index.ts'
import { absent, removeTemporary, writeAtomically } from './files.ts'
import { isoImage } from './iso.ts'
import { metadataFiles } from './metadata.ts'

export interface ConfigDriveOptions {
  /** The server's folder. */
  directory: string
  signal: AbortSignal
}

/** Path of the config drive, which says what the guest is now. May be repeated. Throws Transient DiskFull. */
export async function writeConfigDrive(guest: Guest, { directory, signal }: ConfigDriveOptions): Promise<string> {
  const path = join(directory, 'disk.config')
  await mkdir(directory, { recursive: true, mode: 0o711 })
  // The disks may be in the making beside it.
  await removeTemporary(directory, (name) => name.startsWith('disk.config'))
  const randomSeed = await seedOf(`${path}.json`)
  const image = isoImage('config-2', metadataFiles(guest, randomSeed))
  signal.throwIfAborted()
  const there = await readFile(path).catch(absent)
  if (!there?.equals(image)) await writeAtomically(path, image)
  return path
}

/** disk.config.json: it must outlive the process, and be on disk before a guest sees it. */
async function seedOf(path: string): Promise<Uint8Array> {
  const text = await readFile(path, 'utf8').catch(absent)
  if (text !== undefined) return Buffer.from((JSON.parse(text) as { randomSeed: string }).randomSeed, 'base64')
  const seed = randomBytes(512)
  await writeAtomically(path, JSON.stringify({ randomSeed: seed.toString('base64') }))
  return seed
}
