/** Writes archives whose bytes depend on their content only. */
import { createHash } from 'node:crypto'
import { createReadStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { runCommand } from '../../test/rig/process.ts'

/** Archives the commit that is checked out. git gives all files the commit's time. */
export async function archiveSource(repository: string, file: string, prefix: string): Promise<void> {
  const archiveOptions = ['--format=tar.gz', `--prefix=${prefix}/`, `--output=${file}`, 'HEAD']
  await runCommand(['git', 'archive', ...archiveOptions], { cwd: repository })
}

/**
 * Writes the content of a tar archive again: sorted by name, with one time, owner and mode. Other programs write the
 * time of packing and the user into archives.
 */
export async function repackArchive(source: string, target: string, seconds: number): Promise<void> {
  const scratch = mkdtempSync(`${target}.`)
  try {
    await runCommand(['tar', '-xf', source, '-C', scratch])
    const normalization = [
      '--sort=name',
      `--mtime=@${seconds}`,
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      '--format=gnu',
    ]
    const compress = target.endsWith('gz') ? ['--use-compress-program=gzip -9n'] : []
    const content = readdirSync(scratch).toSorted((a, b) => (a < b ? -1 : 1))
    await runCommand([
      'tar',
      ...normalization,
      '--mode=u=rwX,go=rX',
      ...compress,
      '-cf',
      target,
      '-C',
      scratch,
      ...content,
    ])
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Writes SHA256SUMS with the sums of all files of the folder, in the format of `sha256sum --check`. */
export async function writeChecksums(folder: string): Promise<void> {
  const files = readdirSync(folder).toSorted((a, b) => (a < b ? -1 : 1))
  const lines: string[] = []
  for (const file of files) lines.push(`${await hashFile(join(folder, file))}  ${basename(file)}\n`)
  writeFileSync(join(folder, 'SHA256SUMS'), lines.join(''))
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
