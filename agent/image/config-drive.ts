/**
 * Writes the config drive: an ISO 9660 image with label config-2. An existing config drive is written again only if its
 * files have changed.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Guest } from '../../actions/host/index.ts'
import type { InjectedBundle } from '../../actions/injected-bundle.ts'
import { removeTemporaryFiles, writeFileAtomically } from '../files/atomic-files.ts'
import { ignoreNotFound } from '../files/errors.ts'
import { buildIsoImage } from './iso-image.ts'
import { buildMetadataFiles } from './metadata.ts'

export interface ConfigDriveOptions {
  /** The server's directory. */
  directory: string
  signal: AbortSignal
  /** The secrets of the server, which came from Secrets. */
  secrets?: InjectedBundle
}

/**
 * Idempotent.
 * @throws a Transient error (retried) with the code DiskFull if the disk is full
 */
export async function writeConfigDrive(guest: Guest, options: ConfigDriveOptions): Promise<string> {
  const { directory, signal, secrets } = options
  const path = join(directory, 'disk.config')
  await mkdir(directory, { recursive: true, mode: 0o711 })
  // Remove only temporary files of the config drive: another step may be creating disks in the same directory.
  await removeTemporaryFiles(directory, (name) => name.startsWith('disk.config'))
  const randomSeed = await readOrCreateSeed(`${path}.json`)
  const image = buildIsoImage('config-2', buildMetadataFiles(guest, randomSeed, secrets))
  signal.throwIfAborted()
  const current = await readFile(path).catch(ignoreNotFound)
  if (!current?.equals(image)) await writeFileAtomically(path, image)
  return path
}

/** The seed is saved in disk.config.json before the guest gets it, so that it stays the same after a crash. */
async function readOrCreateSeed(path: string): Promise<Uint8Array> {
  const text = await readFile(path, 'utf8').catch(ignoreNotFound)
  if (text !== undefined) return Buffer.from((JSON.parse(text) as { randomSeed: string }).randomSeed, 'base64')
  const seed = randomBytes(512)
  await writeFileAtomically(path, JSON.stringify({ randomSeed: seed.toString('base64') }))
  return seed
}
