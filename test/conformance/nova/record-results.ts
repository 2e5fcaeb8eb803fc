/**
 * Writes the results of novaclient's commands to results.json, from which docs/reference/nova-commands.md is made.
 * Usage: node test/conformance/nova/record-results.ts
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createScratchDirectory } from '../../rig/scratch.ts'
import { runCommands } from './run-commands.ts'

const dir = createScratchDirectory()
// This timer keeps the process alive, because the timers of the shim do not.
const alive = setInterval(() => undefined, 60_000)
try {
  const results = await runCommands(dir)
  writeFileSync(join(import.meta.dirname, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  const succeeded = results.filter(({ exit }) => exit === 0).length
  console.log(`${succeeded} of ${results.length} command lines succeeded`)
} finally {
  clearInterval(alive)
  rmSync(dir, { recursive: true, force: true })
}
