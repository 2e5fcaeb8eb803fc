/**
 * Writes the generated files of a folder. Removes other files of the same extensions from the folder, because they are
 * no longer generated, and users would go on applying or reading them.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

export interface Output {
  /** Path from the root of the repository. */
  folder: string
  /** Set if the folder also has files that are not generated. Then no file is removed. */
  keepOthers?: true
  files(): readonly File[] | Promise<readonly File[]>
}

export interface File {
  name: string
  text: string
}

export async function writeOutput(root: string, { folder, keepOthers, files }: Output): Promise<void> {
  const dir = join(root, folder)
  const generated = await files()
  const endings = new Set(generated.map(({ name }) => extname(name)))
  await mkdir(dir, { recursive: true })
  const names = new Set(generated.map(({ name }) => name))
  for (const old of keepOthers ? [] : await readdir(dir))
    if (endings.has(extname(old)) && !names.has(old)) await rm(join(dir, old))
  for (const { name, text } of generated) await writeFile(join(dir, name), text)
}
