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
  /** Path of the file, relative to examples/. */
  file: string
  /** Why the file cannot be run without a change; undefined if it can be run. */
  cannotRun: string | undefined
  /** Number of hosts that the cloud must have. */
  hosts: number
  /** The commands to run before the file is applied. */
  before: string[]
  /** The examples to apply before this one, each as a path relative to examples/. */
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

/** Returns the YAML files in the folder `path`, or `path` itself if it is a file. Throws if `path` does not exist. */
function filesAt(path: string): string[] {
  if (!statSync(join(folder, path)).isDirectory()) return [relative('.', path)]
  const names = globSync('*.yaml', { cwd: join(folder, path) }).toSorted((a, b) => a.localeCompare(b))
  return names.map((name) => join(path, name))
}
