/** Reads from the OCI archive of an image which Debian packages it has. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../test/rig/process.ts'

export interface DebianPackage {
  name: string
  version: string
  arch: string
}

/**
 * The files in which packages are listed: that of dpkg, and one for each package in images without dpkg, as distroless
 * images have them.
 */
const listFile = /^(?:\.\/)?var\/lib\/dpkg\/(?:status|status\.d\/[^/]+)$/

interface Descriptor {
  digest: string
}

export async function readImagePackages(archive: string): Promise<DebianPackage[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'kubenova-packages-'))
  try {
    const layout = join(scratch, 'layout')
    const files = join(scratch, 'files')
    for (const folder of [layout, files]) mkdirSync(folder)
    await runCommand(['tar', '-xf', archive, '-C', layout])
    const blob = ({ digest }: Descriptor): string => join(layout, 'blobs', digest.replace(':', '/'))
    const [image] = (readJson(join(layout, 'index.json')) as { manifests: Descriptor[] }).manifests
    if (image === undefined) throw new Error(`${archive} has no image`)
    // A later layer replaces the files of an earlier one.
    for (const layer of (readJson(blob(image)) as { layers: Descriptor[] }).layers) {
      const listed = (await runCommand(['tar', '-tf', blob(layer)])).split('\n').filter((path) => listFile.test(path))
      if (listed.length > 0) await runCommand(['tar', '-xf', blob(layer), '-C', files, ...listed])
    }
    const lists = readdirSync(files, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    return parsePackages(lists.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8')).join('\n\n'))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))

/** The installed packages of a list in dpkg's format, by name. Packages that were removed may be in the list, too. */
export function parsePackages(text: string): DebianPackage[] {
  return text
    .split(/\n{2,}/)
    .filter((entry) => fieldOf(entry, 'Package') !== '' && /^(|install ok installed)$/.test(fieldOf(entry, 'Status')))
    .map((entry) => ({
      name: fieldOf(entry, 'Package'),
      version: fieldOf(entry, 'Version'),
      arch: fieldOf(entry, 'Architecture'),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

const fieldOf = (entry: string, name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(entry)?.[1] ?? ''
