/**
 * Writes generated files into a folder. Files of the same kind that are generated no longer are removed: users would
 * go on applying or believing them.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

export interface Output {
  /** Relative to the repository. */
  folder: string
  /** The folder also has files that are not generated: nothing is removed. */
  keepOthers?: true
  files(): readonly File[] | Promise<readonly File[]>
}

export interface File {
  name: string
  text: string
}

export async function writeOutput(root: string, { folder, keepOthers, files }: Output): Promise<void> {
  const dir = join(root, folder)
  const made = await files()
  const endings = new Set(made.map(({ name }) => extname(name)))
  await mkdir(dir, { recursive: true })
  const names = new Set(made.map(({ name }) => name))
  for (const old of keepOthers ? [] : await readdir(dir))
    if (endings.has(extname(old)) && !names.has(old)) await rm(join(dir, old))
  for (const { name, text } of made) await writeFile(join(dir, name), text)
}
