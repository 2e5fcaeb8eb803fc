/** `make check`: static checks of the code. Prints one line for each step, and the output of failed steps. */
import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandResult, formatSeconds, root, runCommand } from './command.ts'

interface Step {
  name: string
  run: () => Promise<CommandResult>
}

// The steps of a group run at the same time. The first step rewrites files that the other steps read, so it runs alone.
const steps: Step[][] = [
  [{ name: 'generated files', run: checkGeneratedFiles }],
  [
    { name: 'format, imports', run: () => runCommand(['biome', 'ci', '--colors=off', '.']) },
    { name: 'lint', run: () => runCommand(['oxlint', '--type-aware', '--quiet']) },
  ],
  [
    { name: 'types', run: () => runCommand(['tsc', '--noEmit', '-p', 'tsconfig.json']) },
    { name: 'language', run: () => runCommand(['node', 'hack/language.ts']) },
    { name: 'dead code', run: () => runCommand(['knip', '--no-progress']) },
  ],
]

export async function runChecks(): Promise<{ passed: number; failed: number }> {
  let failed = 0
  let passed = 0
  for (const group of steps) {
    const results = await Promise.all(group.map(async ({ name, run }) => ({ name, ...(await run()) })))
    for (const { name, code, output, time } of results) {
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${formatSeconds(time)}`)
      if (code === 0) passed++
      else failed++
      if (code !== 0) console.log(output.trimEnd().replaceAll(/^/gm, '       '))
    }
  }
  return { passed, failed }
}

/** Fails if generating changes a file, because the committed file was then outdated. */
async function checkGeneratedFiles(): Promise<CommandResult> {
  const before = hashFiles()
  const result = await runCommand(['node', 'hack/generate.ts'])
  if (result.code !== 0) return result
  const after = hashFiles()
  const files = [...new Set([...before.keys(), ...after.keys()])].filter((f) => before.get(f) !== after.get(f))
  if (files.length === 0) return result
  const output = `these files were not up to date; \`make generate\` has just updated them, commit them:\n${files.join('\n')}`
  return { ...result, code: 1, output }
}

/** Unlike `git diff`, hashes also work in a tree with uncommitted changes and in one without git. */
function hashFiles(): Map<string, string> {
  const excluded = new Set(['node_modules', '.git', '.cloud', 'dist', 'artefacts'])
  const files = globSync('**/*', { cwd: root, exclude: (entry) => excluded.has(entry) })
  const hash = (file: string) =>
    createHash('sha256')
      .update(readFileSync(join(root, file)))
      .digest('hex')
  return new Map(files.filter((f) => statSync(join(root, f)).isFile()).map((file) => [file, hash(file)]))
}

if (import.meta.main) process.exitCode = (await runChecks()).failed > 0 ? 1 : 0
