/**
 * `make images`: builds the images of the controller and the agent with buildah, as OCI archives in dist/images.
 * Usage: node hack/images.ts [--base IMAGE|local] [--arch amd64,arm64] [--only controller,agent] [--verify]
 * `--base IMAGE` names the base image to pull. `--base local` makes a Debian base image with mmdebstrap instead.
 * `--verify` builds all images a second time, also their base, and compares the digests.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseArchitectures, parseWords, publicBase } from './images/arguments.ts'
import type { BuiltImage } from './images/build.ts'
import { ensureImageArchives } from './images/ensure.ts'
import { imageNames } from './images/names.ts'

const { values } = parseArgs({
  options: {
    base: { type: 'string', default: publicBase },
    arch: { type: 'string', default: 'amd64' },
    only: { type: 'string', default: imageNames.join(',') },
    verify: { type: 'boolean', default: false },
  },
})

function buildImages(folder?: string): Promise<BuiltImage[]> {
  const names = parseWords('only', values.only, imageNames)
  const archs = parseArchitectures(values.arch)
  const options = { names, archs, base: values.base, reuse: false, ...(folder ? { folder } : {}) }
  return ensureImageArchives(options, (line) => console.error(line))
}

/** Throws an error if a second build of an image has another digest. */
async function verifyDigests(images: readonly BuiltImage[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kubenova-images-'))
  try {
    const again = await buildImages(folder)
    for (const [index, { name, arch, digest }] of images.entries()) {
      const second = again[index]?.digest
      if (second !== digest) throw new Error(`${name} ${arch}: a second build has the digest ${second}, not ${digest}`)
      console.log(`${name} ${arch}: a second build has the same digest`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const images = await buildImages()
for (const { archive, digest } of images)
  console.log(`${archive}  ${digest}  ${(statSync(archive).size / 1e6).toFixed(1)} MB`)
if (values.verify) await verifyDigests(images)
