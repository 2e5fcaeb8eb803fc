/** Puts the images into a release: an OCI archive and a bill of materials for each. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import about from '../../node_modules/node/package.json' with { type: 'json' }
import { ensureImageArchives } from '../images/ensure.ts'
import { type Architecture, imageNames } from '../images/names.ts'
import { sourceDate } from '../images/source-date.ts'
import { repackArchive } from './archives.ts'
import { readImagePackages } from './image-packages.ts'
import { type Bom, createImageBom } from './sbom.ts'

export interface ReleaseImage {
  /** Name of the image, such as `kubenova-agent`. */
  name: string
  arch: Architecture
  digest: string
  /** Name of its archive. */
  file: string
}

export interface ReleaseImagesOptions {
  version: string
  base: string
  archs: readonly Architecture[]
  folder: string
  npm: Bom
  log: (line: string) => void
}

/** Builds the images anew, so that they have the newest base, and writes them into `folder`. */
export async function releaseImages(options: ReleaseImagesOptions): Promise<ReleaseImage[]> {
  const { version, base, archs, folder, npm, log } = options
  const released: ReleaseImage[] = []
  const images = await ensureImageArchives({ names: imageNames, archs, base, reuse: false }, log)
  for (const { name, arch, archive, digest } of images) {
    const stem = `kubenova-${name}-${version}-${arch}`
    const file = `${stem}.oci.tar`
    await repackArchive(archive, join(folder, file), sourceDate())
    const image = { name: `kubenova-${name}`, arch, digest, file }
    const packages = await readImagePackages(archive)
    const bom = createImageBom({ ...image, version, packages, node: about.version }, npm)
    writeFileSync(join(folder, `${stem}.cdx.json`), `${JSON.stringify(bom, null, 2)}\n`)
    released.push(image)
  }
  return released
}
