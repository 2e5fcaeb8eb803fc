import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { installPackages } from '../../test/rig/packages.ts'
import { buildPrograms } from '../build.ts'
import { root } from '../command.ts'
import { ensureBase } from './base.ts'
import {
  type Architecture,
  archiveOf,
  type BuildImageOptions,
  buildImage,
  hashInputs,
  type ImageName,
  imageNames,
  ownArchitecture,
} from './build.ts'
import { createStorage } from './storage.ts'

/** The folder of the archives. */
export const imagesFolder = join(root, 'dist/images')

export const installBuilders = (log: (line: string) => void): Promise<void> =>
  installPackages(['buildah', 'skopeo'], log)

export async function bundlePrograms(): Promise<string> {
  const programs = join(root, 'dist/programs')
  rmSync(programs, { recursive: true, force: true })
  await buildPrograms(programs)
  return programs
}

export interface ImageArchive {
  name: ImageName
  arch: Architecture
  /** Path of the OCI archive. */
  archive: string
}

/** Paths of the OCI archives of all images, for this machine's architecture and from a base made here. */
export async function ensureImages(log: (line: string) => void): Promise<string[]> {
  return (await ensureImageArchives({ base: 'local', archs: [ownArchitecture()], reuse: true }, log)).map(
    ({ archive }) => archive,
  )
}

interface ArchiveOptions {
  base: string
  archs: readonly Architecture[]
  /** Uses an archive again if programs, Containerfile, Node and the name of the base are unchanged. */
  reuse: boolean
}

export async function ensureImageArchives(
  { base: requested, archs, reuse }: ArchiveOptions,
  log: (line: string) => void,
): Promise<ImageArchive[]> {
  await installBuilders(log)
  mkdirSync(imagesFolder, { recursive: true })
  const storage = createStorage('images')
  const shared = { programs: await bundlePrograms(), folder: imagesFolder, storage, log }
  const archives: ImageArchive[] = []
  for (const arch of archs) {
    for (const name of imageNames) {
      const base = await ensureBase({ requested, name, arch, storage, log })
      const options = { ...shared, base, arch, name }
      if (!reuse || !(await isUpToDate(options))) await buildImage(options)
      archives.push({ name, arch, archive: archiveOf(options) })
    }
  }
  return archives
}

async function isUpToDate(options: BuildImageOptions): Promise<boolean> {
  const archive = archiveOf(options)
  const inputs = `${archive}.inputs`
  if (!existsSync(archive) || !existsSync(inputs)) return false
  return readFileSync(inputs, 'utf8') === (await hashInputs(options))
}
