/** `make check`: what can be said of the code without running it. One line a step; what a failed step said comes after. */
import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { command, type Ended, root, seconds } from './command.ts'

interface Step {
  name: string
  run: () => Promise<Ended>
}

// Generating writes, so it goes first and alone; the others only read.
const steps: Step[][] = [
  [{ name: 'generated files', run: generated }],
  [
    { name: 'format, imports', run: () => command(['biome', 'ci', '--colors=off', '.']) },
    { name: 'lint', run: () => command(['oxlint', '--type-aware', '--quiet']) },
  ],
  [
    { name: 'types', run: () => command(['tsc', '--noEmit', '-p', 'tsconfig.json']) },
    { name: 'language', run: () => command(['node', 'hack/language.ts']) },
    { name: 'dead code', run: () => command(['knip', '--no-progress']) },
  ],
]

/** What each step ended with; `make test` counts them. */
export async function check(): Promise<{ passed: number; failed: number }> {
  let failed = 0
  let passed = 0
  for (const group of steps) {
    const results = await Promise.all(group.map(async ({ name, run }) => ({ name, ...(await run()) })))
    for (const { name, code, output, time } of results) {
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${seconds(time)}`)
      if (code === 0) passed++
      else failed++
      if (code !== 0) console.log(output.trimEnd().replaceAll(/^/gm, '       '))
    }
  }
  return { passed, failed }
}

/** Makes everything anew; a file that is not as it was had not been made from the code as it is. */
async function generated(): Promise<Ended> {
  const before = fingerprints()
  const ended = await command(['node', 'hack/generate.ts'])
  if (ended.code !== 0) return ended
  const after = fingerprints()
  const files = [...new Set([...before.keys(), ...after.keys()])].filter((f) => before.get(f) !== after.get(f))
  if (files.length === 0) return ended
  const output = `not as \`make generate\` makes them (they are now; commit them):\n${files.join('\n')}`
  return { ...ended, code: 1, output }
}

/** By content, not by git: it also works in a tree with changes, and in one without git. */
function fingerprints(): Map<string, string> {
  const elsewhere = new Set(['node_modules', '.git', '.cloud', 'dist', 'artefacts'])
  const files = globSync('**/*', { cwd: root, exclude: (entry) => elsewhere.has(entry) })
  const hash = (file: string) =>
    createHash('sha256')
      .update(readFileSync(join(root, file)))
      .digest('hex')
  return new Map(files.filter((f) => statSync(join(root, f)).isFile()).map((file) => [file, hash(file)]))
}

if (import.meta.main) process.exitCode = (await check()).failed > 0 ? 1 : 0
