// Reads from the comment at the top of an example how to run the example. Users read the whole comment; this module
// reads only the lines that begin with one of these words:
//   Cannot be run as it is: REASON   the file is a template, which a user must change first
//   Hosts: N                         the file needs N hosts (make up HOSTS=N)
//   Before: COMMAND                  a command to run before the file is applied
//   Needs: FILE, FOLDER, …           examples to apply before; paths are relative to the file
import { globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { root } from './manifests.ts'

export interface Example {
  /** Path relative to examples/. */
  file: string
  /** undefined: the file can be run as it is. */
  cannotRun: string | undefined
  hosts: number
  before: string[]
  /** Examples to apply before this one, relative to examples/. */
  needs: string[]
}

const folder = join(root, 'examples')

export function readExample(file: string): Example {
  const [comment = ''] = /^(#.*\n)*/.exec(readFileSync(join(folder, file), 'utf8')) ?? []
  const valuesOf = (word: string): string[] =>
    [...comment.matchAll(new RegExp(`^# ${word}: (.+)$`, 'gm'))].map(([, value = '']) => value)
  return {
    file,
    cannotRun: valuesOf('Cannot be run as it is')[0],
    hosts: Number(valuesOf('Hosts')[0] ?? 1),
    before: valuesOf('Before'),
    needs: valuesOf('Needs').flatMap((list) => list.split(', ').flatMap((path) => filesAt(join(dirname(file), path)))),
  }
}

/** Throws if `path` does not exist. */
function filesAt(path: string): string[] {
  if (!statSync(join(folder, path)).isDirectory()) return [relative('.', path)]
  const names = globSync('*.yaml', { cwd: join(folder, path) }).toSorted((a, b) => a.localeCompare(b))
  return names.map((name) => join(path, name))
}
