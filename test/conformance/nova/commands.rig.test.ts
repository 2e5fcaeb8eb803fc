import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readResults } from './results.ts'
import { runCommands } from './run-commands.ts'

const dir = mkdtempSync(join(tmpdir(), 'kubenova-nova-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

it('gives each command of novaclient the recorded answer', { timeout: 900_000 }, async () => {
  const expected = readResults()
  const results = await runCommands(dir)
  for (const [i, result] of results.entries()) expect(result, result.line).toEqual(expected[i])
  expect(results).toHaveLength(expected.length)
})
