/**
 * Checks the language of the code (CONTRIBUTING.md, Style): names of exported functions, comments, test titles, words
 * that the glossary has replaced by others, and the subjects of commits. Prints one line per problem and exits with 1
 * if there is one.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runCommand } from './command.ts'
import { findSubjectProblems } from './language/commits.ts'
import { findProblems } from './language/rules.ts'
import { parseSource } from './language/source.ts'

const FILES = '{actions,agent,api-shim,controller,crds,hack,hooks,kube,test}/**/*.ts'
/**
 * Tests write files into this folder, in subfolders that are named after test files. This program does not check them.
 */
const ARTEFACTS = 'test/artefacts'

function checkFiles(): string[] {
  const paths = globSync(FILES, { cwd: root, exclude: (path) => path.startsWith(ARTEFACTS) }).sort()
  return paths
    .flatMap((path) => findProblems(parseSource(path, readFileSync(join(root, path), 'utf8'))))
    .map(({ path, line, message }) => `${path}:${line}: ${message}`)
}

/**
 * Only commits after this one are checked. The main branch is no start: in a clone of main, as in CI, no commit would
 * be checked.
 */
const LAST_UNCHECKED_COMMIT = 'abc2814aa5f264c0e8e12ce3dceb61b412453ec4'

async function checkCommits(): Promise<string[]> {
  const subjects = await git('log', '--no-merges', '--format=%s', `${LAST_UNCHECKED_COMMIT}..HEAD`)
  if (subjects === undefined) {
    console.log(`commit subjects are not checked: this clone has no commit ${LAST_UNCHECKED_COMMIT}`)
    return []
  }
  return subjects
    .split('\n')
    .filter((subject) => subject !== '')
    .flatMap(findSubjectProblems)
}

/** Undefined if the command fails. */
async function git(...args: string[]): Promise<string | undefined> {
  const { code, output } = await runCommand(['git', ...args])
  return code === 0 ? output.trim() : undefined
}

if (import.meta.main) {
  const problems = [...checkFiles(), ...(await checkCommits())]
  for (const problem of problems) console.log(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}
