import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { installPackages } from '../../test/rig/packages.ts'
import { buildPrograms } from '../build.ts'
import { root } from '../command.ts'
import { ensureLocalBase } from './base.ts'
import { type Architecture, archiveOf, type BuildImageOptions, buildImage, hashInputs, imageNames } from './build.ts'
import { createStorage } from './storage.ts'

/** The folder of the archives. */
export const imagesFolder = join(root, 'dist/images')

export const installBuilders = (local: boolean, log: (line: string) => void): Promise<void> =>
  installPackages(['buildah', 'skopeo', ...(local ? ['mmdebstrap'] : [])], log)

export async function bundlePrograms(): Promise<string> {
  const programs = join(root, 'dist/programs')
  rmSync(programs, { recursive: true, force: true })
  await buildPrograms(programs)
  return programs
}

/**
 * Paths of the OCI archives of all images, for this machine's architecture. An archive is used again if programs,
 * Containerfile, base and Node are unchanged.
 */
export async function ensureImages(log: (line: string) => void): Promise<string[]> {
  await installBuilders(true, log)
  mkdirSync(imagesFolder, { recursive: true })
  const storage = createStorage('images')
  const base = await ensureLocalBase(storage, log)
  const arch: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const shared = { arch, base, programs: await bundlePrograms(), folder: imagesFolder, storage, log }
  const archives: string[] = []
  for (const name of imageNames) {
    if (!(await isUpToDate({ ...shared, name }))) await buildImage({ ...shared, name })
    archives.push(archiveOf({ ...shared, name }))
  }
  return archives
}

async function isUpToDate(options: BuildImageOptions): Promise<boolean> {
  const archive = archiveOf(options)
  const inputs = `${archive}.inputs`
  if (!existsSync(archive) || !existsSync(inputs)) return false
  return readFileSync(inputs, 'utf8') === (await hashInputs(options))
}
