import { describe, expect, it } from 'vitest'
import { findCondition, type Hypervisor, hypervisor as hypervisorKind, resourceDefOf } from '../../crds/index.ts'
import type { Outcome } from '../../kube/outcome.ts'
import { type Bench, cloud } from '../testing.ts'
import { reconcileHost } from './reconcile.ts'

const EVERY = 10_000

function reconciler(bench: Bench): (name?: string) => Promise<Outcome> {
  const { stores, hosts, clock } = bench
  const options = { hostStatusSeconds: EVERY / 1000 }
  const deps = {
    stores,
    hosts,
    ledger: bench.services.ledger,
    clock,
    options,
    hostStatusWrites: new Map<string, number>(),
  }
  return async (name = 'h1') => {
    const outcome = await reconcileHost(name, deps)
    await bench.fake.waitForCaches()
    return outcome
  }
}
const status = (bench: Bench) => (bench.api.find('hypervisors', 'h1') as Hypervisor).status
const ready = (bench: Bench) => findCondition(status(bench)?.conditions, 'Ready')
const hostWrites = (bench: Bench): number => bench.writes.filter((w) => w.endsWith('hypervisors')).length

/** Its agent says that libvirt answers. */
async function connected(bench: Bench): Promise<void> {
  const { state: _, used: __, servers: ___, observedGeneration: ____, ...reported } = status(bench) ?? {}
  const conditions = [
    { type: 'Ready', status: 'True' as const, reason: 'Connected', message: 'm', lastTransitionTime: bench.now() },
  ]
  const handle = bench.api.resource<Hypervisor>(resourceDefOf(hypervisorKind))
  await handle.applyStatus(
    { metadata: { name: 'h1' }, status: { ...reported, conditions } },
    { fieldManager: 'kubenova-agent/h1' },
  )
  await bench.fake.waitForCaches()
}

describe('a Hypervisor', () => {
  it('is said to be up, with what is used of it', async () => {
    await using bench = await cloud('h1')
    const reconcile = reconciler(bench)
    await reconcile()
    expect(status(bench)).toMatchObject({
      state: 'up',
      servers: 0,
      used: { vcpus: 0, ram: 0, disk: 0 },
      capacity: { vcpus: 16 },
    })
    await bench.server()
    await bench.reconcile()
    await bench.clock.advance(EVERY)
    await reconcile()
    expect(status(bench)).toMatchObject({ servers: 1, used: { vcpus: 1, ram: 1024, disk: 10 } })
  })

  it('its figures are written now and then, and not where nothing changed', async () => {
    await using bench = await cloud('h1')
    const reconcile = reconciler(bench)
    await reconcile()
    await bench.server()
    await bench.reconcile()
    expect(await reconcile()).toMatchObject({ kind: 'wait', recheckAfter: EVERY })
    expect(hostWrites(bench)).toBe(1)
    await bench.clock.advance(EVERY)
    await reconcile()
    await bench.clock.advance(EVERY)
    await reconcile()
    expect(hostWrites(bench)).toBe(2)
  })

  it('that goes down is said so at once, and so is its return; its agent has the last word', async () => {
    await using bench = await cloud('h1')
    const reconcile = reconciler(bench)
    await connected(bench)
    await reconcile()
    await bench.silence()
    await reconcile()
    expect(status(bench)).toMatchObject({ state: 'down' })
    expect(ready(bench)).toMatchObject({ status: 'Unknown', reason: 'HostDown' })
    await bench.beat('h1')
    await reconcile()
    expect(status(bench)).toMatchObject({ state: 'up' })
    await connected(bench)
    await reconcile()
    expect(ready(bench)).toMatchObject({ status: 'True', reason: 'Connected' })
    await bench.clock.advance(EVERY)
    const before = status(bench)
    await reconcile()
    expect(status(bench)).toEqual(before)
    expect(status(bench)?.capacity).toMatchObject({ vcpus: 16 })
  })

  it('has the generation of its spec at once, and its conditions have none of their own', async () => {
    await using bench = await cloud('h1')
    const reconcile = reconciler(bench)
    await connected(bench)
    await reconcile()
    const handle = bench.api.resource<Hypervisor>(resourceDefOf(hypervisorKind))
    for (const [generation, disabled] of [true, false].entries()) {
      await handle.patch({ name: 'h1' }, { spec: { disabled } })
      await bench.fake.waitForCaches()
      await reconcile()
      expect(status(bench)?.observedGeneration).toBe(generation + 2)
    }
    // kubectl wait compares with the condition's own, where it has one.
    expect(ready(bench)).not.toHaveProperty('observedGeneration')
    await bench.silence()
    await reconcile()
    expect(ready(bench)).toMatchObject({ reason: 'HostDown' })
    expect(ready(bench)).not.toHaveProperty('observedGeneration')
  })

  it('that is gone is nobody’s', async () => {
    await using bench = await cloud()
    expect(await reconciler(bench)('h9')).toEqual({ kind: 'done' })
    expect(hostWrites(bench)).toBe(0)
  })
})
