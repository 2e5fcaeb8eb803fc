/** For machines that reach a Debian mirror but no registry. */
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../../test/rig/process.ts'
import { sourceDate } from './source-date.ts'
import type { Storage } from './storage.ts'

const name = 'localhost/debian:bookworm'

/** Reuses the image if `storage` has it already. Returns its name. */
export async function ensureLocalBase(storage: Storage, log: (line: string) => void): Promise<string> {
  const images = await storage.buildah('images', '--format', '{{.Name}}:{{.Tag}}')
  if (images.split('\n').includes(name)) return name
  const archive = join(storage.folder, 'base.tar')
  if (!existsSync(archive)) {
    log('images: making the Debian base with mmdebstrap')
    const env = { SOURCE_DATE_EPOCH: String(sourceDate()) }
    await runCommand(['mmdebstrap', '--quiet', '--variant=minbase', 'bookworm', `${archive}.new.tar`], { env })
    renameSync(`${archive}.new.tar`, archive)
  }
  const container = (await storage.buildah('from', 'scratch')).trim()
  await storage.buildah('add', container, archive, '/')
  await storage.buildah('commit', '--rm', '--timestamp', String(sourceDate()), container, name)
  return name
}
