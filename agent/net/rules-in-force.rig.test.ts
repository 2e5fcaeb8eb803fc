import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSpace, type Space } from '../../test/rig/segment.ts'
import type { Rules } from './rules.ts'
import { RulesInForce } from './rules-in-force.ts'
import { createProgramRunner, type RunProgram } from './run.ts'
import { createGuest, ctx, listedRules, rulesFor } from './testing.ts'

const elsewhere = { networkId: 'ffffffff-0000-4000-8000-000000000000' }

function recordInput(run: RunProgram): { run: RunProgram; written: string[] } {
  const written: string[] = []
  return {
    written,
    run: (argv, options) => {
      if (options?.input !== undefined) written.push(options.input)
      return run(argv, options)
    },
  }
}

async function createRulesInForce(space: Space) {
  const { run, written } = recordInput(createProgramRunner(space.enterCommand))
  const inForce = new RulesInForce(run)
  const apply = async (to: Rules): Promise<void> =>
    inForce.apply({ from: await inForce.observe({ desired: to }, ctx.signal), to }, ctx.signal)
  return { inForce, apply, written }
}

describe('RulesInForce', () => {
  const guests = fc.subarray([
    createGuest(1),
    createGuest(2),
    createGuest(3, { portSecurity: false }),
    createGuest(4, elsewhere),
  ])
  const changed = fc.subarray([
    createGuest(1, { fixedIPs: [] }),
    createGuest(5, { bridge: 'br0' }),
    createGuest(6, elsewhere),
  ])
  const ruleSets = fc.tuple(guests, changed).map(([some, more]) => {
    const ids = new Set(more.map(({ id }) => id))
    return rulesFor(...some.filter(({ id }) => !ids.has(id)), ...more)
  })

  test('apply gives the same rules by changes as by replacing the table', async () => {
    await using space = await createSpace()
    await using other = await createSpace()
    const { apply } = await createRulesInForce(space)
    const run = createProgramRunner(other.enterCommand)
    const states = fc.array(ruleSets, { minLength: 2, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(states, async (all) => {
        for (const rules of all) {
          await apply(rules)
          await new RulesInForce(run).apply({ from: undefined, to: rules }, ctx.signal)
          expect(await listedRules(space)).toEqual(await listedRules(other))
        }
      }),
      { numRuns: 15 },
    )
  })

  test('apply keeps the table, and so the other guests’ counters, when a guest is added', async () => {
    await using space = await createSpace()
    const { apply, written } = await createRulesInForce(space)
    await apply(rulesFor(createGuest(1)))
    await apply(rulesFor(createGuest(1), createGuest(2)))
    expect(written.map((text) => text.includes('delete table'))).toEqual([true, false])
  })

  test('observe finds a missing table or chain, and any other change when it is thorough', async () => {
    await using space = await createSpace()
    const { inForce, apply } = await createRulesInForce(space)
    const [one, two] = [rulesFor(createGuest(1)), rulesFor(createGuest(1), createGuest(2))]
    await apply(one)
    const whole = await listedRules(space)
    expect(await inForce.observe('thorough', ctx.signal)).toBe(one)
    await space.run('nft', 'flush', 'chain', 'bridge', 'kubenova', 'prerouting')
    expect(await inForce.observe({ desired: one }, ctx.signal)).toBe(one)
    expect(await inForce.observe('thorough', ctx.signal)).toBeUndefined()
    await inForce.apply({ from: undefined, to: one }, ctx.signal)
    expect(await listedRules(space)).toEqual(whole)
    await space.run('nft', 'flush', 'chain', 'bridge', 'kubenova', 'prerouting')
    await space.run('nft', 'delete', 'chain', 'bridge', 'kubenova', [...one.keys()][1] ?? '')
    expect(await inForce.observe({ desired: one }, ctx.signal)).toBeUndefined()
    await space.run('nft', 'flush', 'ruleset')
    expect(await inForce.observe({ desired: one }, ctx.signal)).toEqual(new Map())
    await apply(two)
    // This `apply` changes only a part of the table, so the agent does not list the rules. Without a listing, the agent
    // cannot tell whether its rules are still in force.
    await apply(one)
    expect(await inForce.observe('thorough', ctx.signal)).toBeUndefined()
  })

  test('apply replaces the table when it cannot change a part, because the table was deleted meanwhile', async () => {
    await using space = await createSpace()
    const { inForce, apply, written } = await createRulesInForce(space)
    const [one, two] = [rulesFor(createGuest(1)), rulesFor(createGuest(1), createGuest(2))]
    await apply(two)
    const whole = await listedRules(space)
    await apply(one)
    await space.run('nft', 'flush', 'ruleset')
    await inForce.apply({ from: one, to: two }, ctx.signal)
    expect(written.map((text) => text.includes('delete table'))).toEqual([true, false, false, true])
    expect(await listedRules(space)).toEqual(whole)
  })
})
