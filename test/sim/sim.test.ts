import { describe, expect, it } from 'vitest'
import { makePlan } from './plan.ts'
import { sabotages } from './sabotage.ts'
import { shrink } from './shrink.ts'
import { type Outcome, simulate } from './simulate.ts'

/** Real ms of all schedules together; a machine that is busy gets through fewer of them. */
const BUDGET_MS = 10_000
const SLOW = { timeout: 300_000 }

describe('a schedule', () => {
  it('is the same to the last step when its seed is', SLOW, async () => {
    for (const seed of [3, 17, 38]) {
      const [a, b] = [await simulate(makePlan(seed)), await simulate(makePlan(seed))]
      expect(b).toEqual(a)
      expect(a.steps).toBeGreaterThan(200)
    }
    expect((await simulate(makePlan(3))).hash).not.toBe((await simulate(makePlan(4))).hash)
  })

  it('ends well, whatever goes wrong in it', SLOW, async () => {
    const end = performance.now() + BUDGET_MS
    for (let seed = 1; seed <= 3000 && (seed <= 20 || performance.now() < end); seed++) {
      const { broken } = await simulate(makePlan(seed))
      expect(broken, `node test/sim/run.ts --seed ${seed} --trace`).toEqual([])
    }
  })
})

/** Where each is found soon, and by which words. */
const finds: Record<keyof typeof sabotages, { seed: number; by: RegExp }> = {
  'the controller writes a server’s status without looking at its resourceVersion': { seed: 85, by: /changed status/ },
  'every fifth event of a watch is lost': { seed: 38, by: /never/ },
  'deletions are not told': { seed: 10, by: /is left of/ },
  'ports are not seen, and their names are no claims': { seed: 2, by: /left of|given to/ },
  'the agent lets go of a server before it is told that nothing is left': { seed: 2, by: /something of it is on/ },
  'a deed that has ended is not written down': { seed: 4, by: /is Running/ },
  'a lease cannot be kept: nobody is told': { seed: 2, by: /nobody leads/ },
  'status is never as it was written': { seed: 1, by: /storm/ },
  'a host does not remember which deed booted a server': { seed: 288, by: /booted 2 times by the deed/ },
}

/** From where it was found once; what draws the seeds may have changed since. */
const MOST = 120

async function found(
  name: keyof typeof sabotages,
  { seed, by }: { seed: number; by: RegExp },
): Promise<Outcome | undefined> {
  for (let i = 0; i < MOST; i++) {
    const outcome = await simulate(makePlan(seed + i), { sabotage: sabotages[name] })
    if (outcome.broken.some((what) => by.test(what))) return outcome
  }
  return undefined
}

describe('a part that is broken on purpose is found', () => {
  it.each(Object.entries(finds))('%s', SLOW, async (name, where) => {
    expect(await found(name, where)).toBeDefined()
  })
})

it('what is left of a plan that fails still fails, and is less', SLOW, async () => {
  const sabotage = sabotages['the agent lets go of a server before it is told that nothing is left']
  const plan = makePlan(2)
  const { broken } = await simulate(plan, { sabotage })
  const least = await shrink(plan, broken[0], { sabotage })
  expect(least.ops.length).toBeLessThan(plan.ops.length)
  expect((await simulate(least, { sabotage })).broken).not.toEqual([])
})
