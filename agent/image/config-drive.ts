/** The config drive: metadataFiles in an ISO 9660 image with label config-2, made anew only when they have changed. */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Guest, Terminal } from '../../crds/index.ts'
import { absent, atomically, codeOf, exists, removeTemporary, temporary, writeAtomically } from './files.ts'
import { type MetadataOptions, metadataFiles } from './metadata.ts'

const run = promisify(execFile)

/** disk.config.json: what must outlive the process. */
interface State {
  /** base64 */
  randomSeed: string
  /** SHA-256 of the files that are in the image. */
  fingerprint?: string
}

export interface ConfigDriveOptions extends Omit<MetadataOptions, 'randomSeed'> {
  /** The server's folder. */
  directory: string
  signal: AbortSignal
}

/** Path of the config drive, which says what the guest is now. May be repeated. Throws Terminal ConfigDriveFailed. */
export async function writeConfigDrive(guest: Guest, options: ConfigDriveOptions): Promise<string> {
  const { directory, signal, ...rest } = options
  const path = join(directory, 'disk.config')
  await mkdir(directory, { recursive: true, mode: 0o711 })
  // The disks may be in the making beside it.
  await removeTemporary(directory, (name) => name.startsWith('disk.config'))
  const statePath = `${path}.json`
  const state = await readState(statePath)
  const files = metadataFiles(guest, { ...rest, randomSeed: Buffer.from(state.randomSeed, 'base64') })
  const fingerprint = fingerprintOf(files)
  if (state.fingerprint === fingerprint && (await exists(path))) return path
  // The seed must be on disk before a guest sees it. Without fingerprint: a crash from here on means writing again.
  await writeAtomically(statePath, JSON.stringify({ randomSeed: state.randomSeed } satisfies State))
  await atomically(path, (target) => makeIso(target, files, signal))
  await writeAtomically(statePath, JSON.stringify({ randomSeed: state.randomSeed, fingerprint } satisfies State))
  return path
}

async function readState(path: string): Promise<State> {
  const text = await readFile(path, 'utf8').catch(absent)
  return text === undefined ? { randomSeed: randomBytes(512).toString('base64') } : (JSON.parse(text) as State)
}

/** Of paths and contents, each with its length, so that nothing can run into the next. */
export function fingerprintOf(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256')
  for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${path.length}:${path}${bytes.length}:`).update(bytes)
  }
  return hash.digest('hex')
}

/** An ISO with the files, whose names stay as they are: Rock Ridge for Linux, Joliet for Windows. */
async function makeIso(target: string, files: ReadonlyMap<string, Uint8Array>, signal: AbortSignal): Promise<void> {
  const tree = temporary(`${target}.d`)
  try {
    await mkdir(tree, { mode: 0o700 })
    for (const [path, bytes] of files) {
      await mkdir(join(tree, dirname(path)), { recursive: true })
      await writeFile(join(tree, path), bytes)
    }
    const args = [
      '-as',
      'mkisofs',
      '-quiet',
      '-o',
      target,
      '-J',
      '-r',
      '-V',
      'config-2',
      '-publisher',
      'Kubenova',
      tree,
    ]
    await run('xorriso', args, { signal, env: { PATH: process.env['PATH'], LC_ALL: 'C' } })
  } catch (cause) {
    signal.throwIfAborted()
    if (codeOf(cause) === 'ENOSPC') throw cause
    const why =
      codeOf(cause) === 'ENOENT'
        ? 'the host has no xorriso: install it'
        : cause instanceof Error
          ? cause.message
          : String(cause)
    throw new Terminal('ConfigDriveFailed', `cannot make the config drive: ${why}`, { cause })
  } finally {
    await rm(tree, { recursive: true, force: true })
  }
}
