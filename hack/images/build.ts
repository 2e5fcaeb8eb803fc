import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import about from '../../package.json' with { type: 'json' }
import { runCommand } from '../../test/rig/process.ts'
import { root } from '../command.ts'
import { ensureNode } from './node.ts'
import { sourceDate } from './source-date.ts'
import type { Storage } from './storage.ts'

export const imageNames = ['controller', 'agent'] as const
export type ImageName = (typeof imageNames)[number]

export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export const ownArchitecture = (): Architecture => (process.arch === 'arm64' ? 'arm64' : 'amd64')

export interface BuildImageOptions {
  name: ImageName
  arch: Architecture
  /** Name of the base image. */
  base: string
  /** Folder of the bundled programs. */
  programs: string
  /** Folder that gets the archive. */
  folder: string
  storage: Storage
  log: (line: string) => void
}

export interface BuiltImage {
  /** Path of the OCI archive. */
  file: string
  /** Digest of the image's manifest. */
  digest: string
  /** Size of the archive. */
  bytes: number
}

export const referenceOf = (name: ImageName): string => `localhost/kubenova-${name}:${about.version}`

/** Path of the image's OCI archive. */
export const archiveOf = ({ name, arch, folder }: BuildImageOptions): string =>
  join(folder, `kubenova-${name}-${arch}.tar`)

/** Writes the hash of the inputs beside the archive, so that a later build can find out whether they have changed. */
export async function buildImage(options: BuildImageOptions): Promise<BuiltImage> {
  const { name, arch, base, storage, log } = options
  log(`images: building ${name} for ${arch}`)
  const context = mkdtempSync(join(tmpdir(), 'kubenova-image-'))
  try {
    await fillContext(context, options)
    const file = archiveOf(options)
    const id = join(context, 'id')
    await storage.buildah(
      'build',
      '--isolation=chroot',
      `--platform=linux/${arch}`,
      `--timestamp=${sourceDate()}`,
      `--build-arg=BASE=${base}`,
      `--build-arg=ARCH=${arch}`,
      '--layers=false',
      '--quiet',
      `--file=${join(context, 'Containerfile')}`,
      `--iidfile=${id}`,
      context,
    )
    await pushArchive(storage, readFileSync(id, 'utf8').trim(), file, referenceOf(name))
    writeFileSync(`${file}.inputs`, await hashInputs(options))
    return { file, digest: await digestOf(file), bytes: statSync(file).size }
  } finally {
    rmSync(context, { recursive: true, force: true })
  }
}

/** Two builds at the same time do not disturb each other: the image has no tag, and the archive appears at once. */
async function pushArchive(storage: Storage, id: string, file: string, reference: string): Promise<void> {
  const fresh = `${file}.${process.pid}`
  try {
    await storage.buildah('push', '--quiet', id, `oci-archive:${fresh}:${reference}`)
    renameSync(fresh, file)
  } finally {
    rmSync(fresh, { force: true })
    await storage.buildah('rmi', id)
  }
}

const containerfileOf = (name: ImageName): string => join(root, 'images', `Containerfile.${name}`)

/**
 * A hash of what the image is built from. The hash does not change with the content of the base image, or with newer
 * versions of the installed packages.
 */
export async function hashInputs({ name, arch, base, programs }: BuildImageOptions): Promise<string> {
  const hash = createHash('sha256')
  const files = globSync('**/*.mjs', { cwd: programs }).toSorted((a, b) => (a < b ? -1 : 1))
  for (const text of [base, arch, `${sourceDate()}`, about.version, ...files]) hash.update(`${text}\n`)
  for (const file of files) hash.update(readFileSync(join(programs, file)))
  hash.update(readFileSync(containerfileOf(name)))
  hash.update(readFileSync(await ensureNode(arch)))
  return hash.digest('hex')
}

async function fillContext(context: string, { name, arch, programs }: BuildImageOptions): Promise<void> {
  const file = readFileSync(containerfileOf(name), 'utf8')
  // buildah before 1.30 does not expand the variable.
  writeFileSync(join(context, 'Containerfile'), file.replace('$BUILDPLATFORM', `linux/${ownArchitecture()}`))
  copyFileSync(await ensureNode(arch), join(context, 'node'))
  chmodSync(join(context, 'node'), 0o755)
  mkdirSync(join(context, 'dist'))
  cpSync(programs, join(context, 'dist'), { recursive: true })
}

/** The digest of the image's manifest. The archive itself has no stable digest, because its tar file contains times. */
export async function digestOf(file: string): Promise<string> {
  return (await runCommand(['skopeo', 'inspect', '--format', '{{.Digest}}', `oci-archive:${file}`])).trim()
}
