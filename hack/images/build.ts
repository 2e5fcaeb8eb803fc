import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import about from '../../package.json' with { type: 'json' }
import { runCommand } from '../../test/rig/process.ts'
import { ensureBase } from './base.ts'
import { hashContext } from './context.ts'
import type { Architecture, ImageName } from './names.ts'
import { sourceDate } from './source-date.ts'
import type { Storage } from './storage.ts'

export interface BuildOptions {
  name: ImageName
  arch: Architecture
  /** The base image to pull, or `local`: a Debian base that is made here. */
  base: string
  /** Folder with the Containerfile and the files that it copies. */
  context: string
  /** Folder that gets the archive. */
  folder: string
  /** Uses an existing archive again if what it was built from is unchanged. */
  reuse: boolean
  storage: Storage
  log: (line: string) => void
}

export interface BuiltImage {
  name: ImageName
  arch: Architecture
  /** Path of the OCI archive. */
  archive: string
  /** Digest of the image's manifest. */
  digest: string
}

/**
 * Beside the archive, a file has the hash of the inputs and the digest of the image that was built from them. An
 * archive that another build has put there has another digest, and is not used again.
 */
export async function ensureImage(options: BuildOptions): Promise<BuiltImage> {
  const { name, arch, folder, reuse } = options
  const archive = join(folder, `kubenova-${name}-${arch}.tar`)
  const record = `${archive}.inputs`
  const inputs = hashInputs(options)
  if (reuse && existsSync(archive) && existsSync(record)) {
    const digest = await digestOf(archive)
    if (readFileSync(record, 'utf8') === `${inputs} ${digest}\n`) return { name, arch, archive, digest }
  }
  const digest = await buildArchive(archive, options)
  writeFileSync(record, `${inputs} ${digest}\n`)
  return { name, arch, archive, digest }
}

/** The hash does not change with the content of the base image, or with newer versions of the installed packages. */
const hashInputs = ({ name, arch, base, context }: BuildOptions): string =>
  [hashContext(context), referenceOf(name), arch, base, sourceDate()].join(' ')

const referenceOf = (name: ImageName): string => `localhost/kubenova-${name}:${about.version}`

/** Returns the digest of the image. The archive appears when it is complete. */
async function buildArchive(archive: string, options: BuildOptions): Promise<string> {
  const incomplete = `${archive}.${randomUUID()}`
  try {
    const id = await buildImage(options)
    await options.storage.buildah('push', '--quiet', id, `oci-archive:${incomplete}:${referenceOf(options.name)}`)
    const digest = await digestOf(incomplete)
    renameSync(incomplete, archive)
    return digest
  } finally {
    rmSync(incomplete, { force: true })
  }
}

/** Returns the ID of the image, which stays in the storage until the storage is closed. */
async function buildImage({ name, arch, base, context, storage, log }: BuildOptions): Promise<string> {
  const baseImage = await ensureBase({ requested: base, name, arch, storage, log })
  log(`images: building ${name} for ${arch}`)
  const output = await storage.buildah(
    'build',
    '--isolation=chroot',
    `--platform=linux/${arch}`,
    `--timestamp=${sourceDate()}`,
    `--pull=${base === 'local' ? 'never' : 'always'}`,
    `--build-arg=BASE=${baseImage}`,
    `--build-arg=ARCH=${arch}`,
    '--layers=false',
    '--quiet',
    `--file=${join(context, 'Containerfile')}`,
    context,
  )
  return output.trim()
}

/** The digest of the image's manifest. The archive itself has no stable digest, because its tar file contains times. */
export async function digestOf(file: string): Promise<string> {
  return (await runCommand(['skopeo', 'inspect', '--format', '{{.Digest}}', `oci-archive:${file}`])).trim()
}
