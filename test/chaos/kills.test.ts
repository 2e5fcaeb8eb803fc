// The part of the kill matrix in `make test`: `create`, `reboot HARD` and `delete`. Agent and controller are killed
// before and after each of their effects, each other process once per operation. `make chaos` runs all cases.
import { expect, it } from 'vitest'
import { removeOrphanedClouds } from '../rig/scratch.ts'
import type { Case } from './cases.ts'
import { faultNames } from './faults.ts'
import { runCases } from './workers.ts'

const log = (line: string): void => console.log(line)

/** For each operation, a moment at which every process is killed once. */
const middlePoints: Partial<Record<string, string>> = {
  create: 'agent: before domains.start',
  'reboot HARD': 'agent: after domains.destroy',
  delete: 'agent: before domains.destroy',
}
const selects = ({ story, pointName, fault }: Case): boolean =>
  pointName.startsWith(`${fault}: `) || pointName === middlePoints[story]

it('a server reaches its desired state whatever process is killed', { timeout: 1_500_000 }, async () => {
  await removeOrphanedClouds()
  const stories = ['create', 'reboot HARD', 'delete'] as const
  const { results } = await runCases({ stories, faults: faultNames, clouds: 2, selects, log })
  expect(results.filter(({ violations }) => violations.length > 0)).toEqual([])
  for (const fault of faultNames) expect(results.map((r) => r.fault)).toContain(fault)
  for (const story of stories) expect(results.filter((r) => r.story === story).length).toBeGreaterThan(12)
})
