// A part of the kill matrix that is worth its time in `make test`: agent and controller are killed at each of their own steps of a server's
// creation, hard reboot and deletion, the other parts once in each. `make chaos` tries all.
import { expect, it } from 'vitest'
import { sweep } from '../rig/scratch.ts'
import type { Case } from './cases.ts'
import { faultNames } from './faults.ts'
import { play } from './troupe.ts'

const log = (line: string): void => console.log(line)

/** In the middle of each story, with a domain on the way to be or to be gone. */
const middles: Partial<Record<string, string>> = {
  create: 'agent: before start',
  'reboot HARD': 'agent: after destroy',
  delete: 'agent: before destroy',
}
const picks = ({ story, at, fault }: Case): boolean => at.startsWith(`${fault}: `) || at === middles[story]

it('ends as wished whatever is killed', { timeout: 1_500_000 }, async () => {
  await sweep()
  const stories = ['create', 'reboot HARD', 'delete'] as const
  const { results } = await play({ stories, faults: faultNames, clouds: 2, picks, log })
  expect(results.filter(({ wrong }) => wrong.length > 0)).toEqual([])
  for (const fault of faultNames) expect(results.map((r) => r.fault)).toContain(fault)
  for (const story of stories) expect(results.filter((r) => r.story === story).length).toBeGreaterThan(12)
})
