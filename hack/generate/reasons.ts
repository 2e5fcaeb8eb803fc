/** Finds the reasons of crds/reasons.ts that no program uses. The types ensure that programs use no other reasons. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Reason, reasons } from '../../crds/index.ts'

const isProgramSource = (file: string): boolean => !/(\.test\.ts|\/testing\/|\/testing\.ts|examples\.ts)$/.test(file)

/**
 * The words in quotes of a source text. A template such as `${kind}NotFound` can make further words, so 'Image' is also
 * returned as ImageNotFound.
 */
export function quotedWords(text: string): Set<string> {
  const words = [...text.matchAll(/'([A-Z]\w*)'/g)].map(([, word = '']) => word)
  const endings = [...text.matchAll(/`\$\{\w+\}([A-Z]\w*)`/g)].map(([, ending = '']) => ending)
  return new Set([...words, ...endings.flatMap((ending) => words.map((word) => word + ending))])
}

export function unusedReasons(root: string): Reason[] {
  const files = globSync(['actions/**/*.ts', 'controller/**/*.ts', 'agent/**/*.ts', 'crds/version-skew.ts'], {
    cwd: root,
  })
  const used = new Set(
    files.filter(isProgramSource).flatMap((file) => [...quotedWords(readFileSync(join(root, file), 'utf8'))]),
  )
  return reasons.filter((reason) => !used.has(reason))
}
