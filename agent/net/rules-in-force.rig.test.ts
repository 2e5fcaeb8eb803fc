import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeSpace, type Space } from '../../test/rig/segment.ts'
import type { Rules } from './rules.ts'
import { RulesInForce } from './rules-in-force.ts'
import { createRun, type Run } from './run.ts'
import { ctx, guest, listedRules, rulesFor } from './testing.ts'

const elsewhere = { networkId: 'ffffffff-0000-4000-8000-000000000000' }

/** What a run is told to write, with the run. */
function noting(run: Run): { run: Run; written: string[] } {
  const written: string[] = []
  return {
    written,
    run: (argv, options) => {
      if (options?.input !== undefined) written.push(options.input)
      return run(argv, options)
    },
  }
}

async function putting(space: Space) {
  const { run, written } = noting(createRun(space.prefix))
  const inForce = new RulesInForce(run)
  const put = async (to: Rules): Promise<void> =>
    inForce.put({ from: await inForce.look({ for: to }, ctx.signal), to }, ctx.signal)
  return { inForce, put, written }
}

describe('rules in force', () => {
  const guests = fc.subarray([guest(1), guest(2), guest(3, { portSecurity: false }), guest(4, elsewhere)])
  const changed = fc.subarray([guest(1, { fixedIPs: [] }), guest(5, { bridge: 'br0' }), guest(6, elsewhere)])
  const hosts = fc.tuple(guests, changed).map(([some, more]) => {
    const ids = new Set(more.map(({ id }) => id))
    return rulesFor(...some.filter(({ id }) => !ids.has(id)), ...more)
  })

  test('changed in part, they are as those that are written whole', async () => {
    await using space = await makeSpace()
    await using other = await makeSpace()
    const { put } = await putting(space)
    const run = createRun(other.prefix)
    const states = fc.array(hosts, { minLength: 2, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(states, async (all) => {
        for (const rules of all) {
          await put(rules)
          await new RulesInForce(run).put({ from: undefined, to: rules }, ctx.signal)
          expect(await listedRules(space)).toEqual(await listedRules(other))
        }
      }),
      { numRuns: 15 },
    )
  })

  test('of a guest more only its part is written, with the counts of the others as they are', async () => {
    await using space = await makeSpace()
    const { put, written } = await putting(space)
    await put(rulesFor(guest(1)))
    await put(rulesFor(guest(1), guest(2)))
    expect(written.map((text) => text.includes('delete table'))).toEqual([true, false])
  })

  test('a table or a chain that was taken away is noticed by each look; what else was done to them by a thorough one', async () => {
    await using space = await makeSpace()
    const { inForce, put } = await putting(space)
    const [one, two] = [rulesFor(guest(1)), rulesFor(guest(1), guest(2))]
    await put(one)
    const whole = await listedRules(space)
    expect(await inForce.look('all', ctx.signal)).toBe(one)
    await space.run('nft', 'flush', 'chain', 'bridge', 'kubenova', 'prerouting')
    expect(await inForce.look({ for: one }, ctx.signal)).toBe(one)
    expect(await inForce.look('all', ctx.signal)).toBeUndefined()
    await inForce.put({ from: undefined, to: one }, ctx.signal)
    expect(await listedRules(space)).toEqual(whole)
    await space.run('nft', 'flush', 'chain', 'bridge', 'kubenova', 'prerouting')
    await space.run('nft', 'delete', 'chain', 'bridge', 'kubenova', [...one.keys()][1] ?? '')
    expect(await inForce.look({ for: one }, ctx.signal)).toBeUndefined()
    await space.run('nft', 'flush', 'ruleset')
    expect(await inForce.look({ for: one }, ctx.signal)).toEqual(new Map())
    await put(two)
    // How a part of it is listed nobody has seen: it could be anybody's.
    await put(one)
    expect(await inForce.look('all', ctx.signal)).toBeUndefined()
  })

  test('where a part cannot be changed, for it was taken away meanwhile, all is written', async () => {
    await using space = await makeSpace()
    const { inForce, put, written } = await putting(space)
    const [one, two] = [rulesFor(guest(1)), rulesFor(guest(1), guest(2))]
    await put(two)
    const whole = await listedRules(space)
    await put(one)
    await space.run('nft', 'flush', 'ruleset')
    await inForce.put({ from: one, to: two }, ctx.signal)
    expect(written.map((text) => text.includes('delete table'))).toEqual([true, false, false, true])
    expect(await listedRules(space)).toEqual(whole)
  })
})
