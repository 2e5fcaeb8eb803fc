/**
 * `make images`: builds the images of the controller and the agent with buildah, as OCI archives in dist/images.
 * Usage: node hack/images.ts [--base IMAGE|local] [--arch amd64,arm64] [--only controller,agent] [--verify]
 * `--base IMAGE` names the base image to pull. `--base local` makes a Debian base image with mmdebstrap instead.
 * `--verify` builds each image a second time without the cache and compares the digests.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseArchitectures, parseWords, publicBase } from './images/arguments.ts'
import { ensureBase } from './images/base.ts'
import { type Architecture, buildImage, type ImageName, imageNames } from './images/build.ts'
import { bundlePrograms, imagesFolder as folder, installBuilders } from './images/ensure.ts'
import { createStorage } from './images/storage.ts'

const log = (line: string): void => console.error(line)

const { values } = parseArgs({
  options: {
    base: { type: 'string', default: publicBase },
    arch: { type: 'string', default: 'amd64' },
    only: { type: 'string', default: imageNames.join(',') },
    verify: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  const names: ImageName[] = parseWords('only', values.only, imageNames)
  const archs: Architecture[] = parseArchitectures(values.arch)
  await installBuilders(log)
  mkdirSync(folder, { recursive: true })
  const programs = await bundlePrograms()
  const storage = createStorage('images')
  for (const arch of archs) {
    for (const name of names) {
      const base = await ensureBase({ requested: values.base, name, arch, storage, log })
      const image = await buildImage({ name, arch, base, programs, folder, storage, log })
      console.log(`${image.file}  ${image.digest}  ${(image.bytes / 1e6).toFixed(1)} MB`)
      if (values.verify) await verifyDigest(name, arch, { programs, digest: image.digest })
    }
  }
}

/** Throws an error if the digest differs from that of the first build. */
async function verifyDigest(
  name: ImageName,
  arch: Architecture,
  { programs, digest }: { programs: string; digest: string },
): Promise<void> {
  await using storage = createStorage('images-verify')
  const folder = join(storage.folder, 'archives')
  mkdirSync(folder, { recursive: true })
  const base = await ensureBase({ requested: values.base, name, arch, storage, log })
  const second = await buildImage({ name, arch, base, programs, folder, storage, log })
  if (second.digest !== digest)
    throw new Error(`${name} ${arch}: a second build has the digest ${second.digest}, not ${digest}`)
  console.log(`${name} ${arch}: a second build has the same digest`)
}

if (import.meta.main) await main()
