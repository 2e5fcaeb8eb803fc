/**
 * Writes generated sections into files that are otherwise written by hand. A section is the lines between two marks,
 * the comments `begin generated: NAME` and `end generated: NAME`.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Sections {
  /** Path from the root of the repository. */
  file: string
  /** Whole lines, each with its line end. */
  sections: Readonly<Record<string, string>>
}

export async function writeSections(root: string, { file, sections }: Sections): Promise<void> {
  const path = join(root, file)
  const before = await readFile(path, 'utf8')
  const after = Object.entries(sections).reduce((text, [name, lines]) => replaceSection(text, name, lines), before)
  if (after !== before) await writeFile(path, after)
}

/** Throws an error if one of the two comments of the section is missing. */
export function replaceSection(text: string, name: string, lines: string): string {
  const begin = new RegExp(`^.*\\bbegin generated: ${name}\\b.*\\n`, 'm').exec(text)
  if (!begin) throw new Error(`no mark "begin generated: ${name}"`)
  const from = begin.index + begin[0].length
  const end = new RegExp(`^.*\\bend generated: ${name}\\b`, 'm').exec(text.slice(from))
  if (!end) throw new Error(`no mark "end generated: ${name}"`)
  return text.slice(0, from) + lines + text.slice(from + end.index)
}
