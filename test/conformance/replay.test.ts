// Replays recorded exchanges with a real Nova (`exchanges/`). known-differences.txt lists those that the shim answers
// differently: a new difference fails the test, and so does a listed one that is gone.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadRuns } from './exchange.ts'
import { playRun, type Result } from './player.ts'

const folder = join(import.meta.dirname, 'exchanges')
const areas = globSync('*.jsonl', { cwd: folder })
  .map((file) => file.replace('.jsonl', ''))
  .toSorted()
const known = readFileSync(join(import.meta.dirname, 'known-differences.txt'), 'utf8')
  .split('\n')
  .filter(Boolean)

async function playArea(area: string): Promise<Result[]> {
  const results: Result[] = []
  for (const run of loadRuns(folder, area)) results.push(...(await playRun(run)))
  return results
}

it('has exchanges of 26 areas', () => {
  expect(areas).toHaveLength(26)
})

it.each(areas)('answers the requests of %s as Nova does, but for known differences', async (area) => {
  const results = await playArea(area)
  expect(results.length).toBeGreaterThan(10)
  const different = results.filter(({ differences }) => differences.length > 0)
  const explained = different.map(({ exchange, differences }) => `${exchange.id}: ${differences.join('; ')}`)
  expect(
    different.map(({ exchange }) => exchange.id).toSorted(),
    explained.filter((line) => !known.includes(line.split(':')[0] ?? '')).join('\n'),
  ).toEqual(known.filter((id) => results.some(({ exchange }) => exchange.id === id)).toSorted())
})
