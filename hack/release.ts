/**
 * `make release-prepare` and `make release`: prepare a version in the working tree, and build what is published for it
 * in dist/release/VERSION. docs/release.md says what follows.
 * Usage: node hack/release.ts prepare VERSION
 *        node hack/release.ts build VERSION [--registry REGISTRY] [--no-images] [--base IMAGE|local]
 *          [--arch amd64,arm64]
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './command.ts'
import { parseArchitectures, publicBase } from './images/arguments.ts'
import { buildRelease } from './release/build.ts'
import { writeVersion } from './release/repository.ts'
import { isSemanticVersion } from './release/version.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    registry: { type: 'string' },
    images: { type: 'boolean', default: true },
    base: { type: 'string', default: publicBase },
    arch: { type: 'string', default: 'amd64' },
  },
})

const log = (line: string): void => console.error(line)

async function main([command, version = '']: readonly string[]): Promise<void> {
  if (command === 'prepare') return prepareVersion(version)
  if (command !== 'build') throw new Error(`release.ts ${command}: must be prepare or build`)
  const folder = join(root, 'dist/release', version)
  const { registry, base, arch } = values
  const images = values.images ? { base, archs: parseArchitectures(arch) } : undefined
  await buildRelease({ repository: root, version, folder, registry, images, log })
  for (const file of readdirSync(folder))
    console.log(`${(statSync(join(folder, file)).size / 1e6).toFixed(1).padStart(7)} MB  ${join(folder, file)}`)
}

function prepareVersion(version: string): void {
  if (!isSemanticVersion(version)) throw new Error(`"${version}" is not a semantic version: give one such as 0.2.0`)
  writeVersion(root, version, new Date().toISOString().slice(0, 10))
  log(`release: wrote ${version}; review the changes and commit them`)
}

try {
  await main(positionals)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
