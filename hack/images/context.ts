/** The build context of an image: the folder with the Containerfile and with all files that it copies. */
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buildPrograms, type ProgramName } from '../build.ts'
import { root } from '../command.ts'
import { type Architecture, type ImageName, ownArchitecture } from './names.ts'
import { ensureNode } from './node.ts'

/** The chart also starts the API shim and its hooks from the controller's image. */
const programsOf: Record<ImageName, readonly ProgramName[]> = {
  controller: ['controller', 'api-shim', 'hooks'],
  agent: ['agent'],
}

export async function fillContext(folder: string, name: ImageName, arch: Architecture): Promise<void> {
  const containerfile = readFileSync(join(root, 'images', `Containerfile.${name}`), 'utf8')
  // buildah before 1.30 does not expand the variable.
  const expanded = containerfile.replace('$BUILDPLATFORM', `linux/${ownArchitecture()}`)
  writeFileSync(join(folder, 'Containerfile'), expanded)
  copyFileSync(await ensureNode(arch), join(folder, 'node'))
  chmodSync(join(folder, 'node'), 0o755)
  await buildPrograms(join(folder, 'dist'), programsOf[name])
}

/** Hashes the names and the content of all files. */
export function hashContext(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .toSorted((a, b) => (a < b ? -1 : 1))
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file} ${hashText(readFileSync(join(folder, file)))}\n`)
  return hash.digest('hex')
}

const hashText = (text: Buffer): string => createHash('sha256').update(text).digest('hex')
