import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPackages } from '../../test/rig/packages.ts'
import { root } from '../command.ts'
import { removeLocalBases } from './base.ts'
import { type BuildOptions, type BuiltImage, ensureImage } from './build.ts'
import { fillContext } from './context.ts'
import { type Architecture, type ImageName, imageNames, ownArchitecture } from './names.ts'
import { imageStorageFolder, openStorage } from './storage.ts'

/** Paths of the OCI archives of all images, for this machine's architecture and from a base made here. */
export async function ensureImages(log: (line: string) => void): Promise<string[]> {
  const options = { names: imageNames, archs: [ownArchitecture()], base: 'local', reuse: true }
  return (await ensureImageArchives(options, log)).map(({ archive }) => archive)
}

interface ArchiveOptions {
  names: readonly ImageName[]
  archs: readonly Architecture[]
  /** The base image to pull, or `local`: a Debian base that is made here. */
  base: string
  /** False: builds each image, and from the newest base. */
  reuse: boolean
  /** Folder of the archives. */
  folder?: string
}

export async function ensureImageArchives(
  { names, archs, base, reuse, folder = join(root, 'dist/images') }: ArchiveOptions,
  log: (line: string) => void,
): Promise<BuiltImage[]> {
  await installPackages(['buildah', 'skopeo'], log)
  mkdirSync(folder, { recursive: true })
  await using storage = await openStorage(imageStorageFolder())
  if (!reuse) await removeLocalBases(storage)
  const images: BuiltImage[] = []
  for (const arch of archs) {
    for (const name of names) images.push(await ensureFromSource({ name, arch, base, reuse, folder, storage, log }))
  }
  return images
}

async function ensureFromSource(options: Omit<BuildOptions, 'context'>): Promise<BuiltImage> {
  const context = mkdtempSync(join(tmpdir(), 'kubenova-image-'))
  try {
    await fillContext(context, options.name, options.arch)
    return await ensureImage({ ...options, context })
  } finally {
    rmSync(context, { recursive: true, force: true })
  }
}
