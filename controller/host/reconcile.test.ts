import { describe, expect, it } from 'vitest'
import { findCondition, type Hypervisor, hypervisor as hypervisorKind, resourceDefOf } from '../../crds/index.ts'
import type { Outcome } from '../../kube/outcome.ts'
import { type Bench, startCloud } from '../testing.ts'
import { reconcileHost } from './reconcile.ts'

const STATUS_INTERVAL_MS = 10_000

function createReconciler(bench: Bench, version?: string): (name?: string) => Promise<Outcome> {
  const { stores, hosts, clock } = bench
  const options = { hostStatusSeconds: STATUS_INTERVAL_MS / 1000 }
  const deps = {
    stores,
    hosts,
    ledger: bench.services.ledger,
    clock,
    options,
    hostStatusWrites: new Map<string, number>(),
    ...(version === undefined ? {} : { version }),
  }
  return async (name = 'h1') => {
    const outcome = await reconcileHost(name, deps)
    await bench.fake.waitForCaches()
    return outcome
  }
}
const statusOfHost = (bench: Bench) => (bench.api.find('hypervisors', 'h1') as Hypervisor).status
const readyOf = (bench: Bench) => findCondition(statusOfHost(bench)?.conditions, 'Ready')
const hostWrites = (bench: Bench): number => bench.writes.filter((w) => w.endsWith('hypervisors')).length

async function reportConnected(bench: Bench): Promise<void> {
  const { state: _, used: __, servers: ___, observedGeneration: ____, ...reported } = statusOfHost(bench) ?? {}
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

/** Reports, as the agent of h1, its version. */
async function reportVersion(bench: Bench, agentVersion: string): Promise<void> {
  const {
    state: _,
    used: __,
    servers: ___,
    observedGeneration: ____,
    conditions: _____,
    ...reported
  } = statusOfHost(bench) ?? {}
  const handle = bench.api.resource<Hypervisor>(resourceDefOf(hypervisorKind))
  await handle.applyStatus(
    { metadata: { name: 'h1' }, status: { ...reported, agentVersion } },
    { fieldManager: 'kubenova-agent/h1' },
  )
  await bench.fake.waitForCaches()
}

describe('reconcileHost', () => {
  it('reports that a host is up, and its usage', async () => {
    await using bench = await startCloud('h1')
    const reconcile = createReconciler(bench)
    await reconcile()
    expect(statusOfHost(bench)).toMatchObject({
      state: 'up',
      servers: 0,
      used: { vcpus: 0, ram: 0, disk: 0 },
      capacity: { vcpus: 16 },
    })
    await bench.createServer()
    await bench.reconcile()
    await bench.clock.advance(STATUS_INTERVAL_MS)
    await reconcile()
    expect(statusOfHost(bench)).toMatchObject({ servers: 1, used: { vcpus: 1, ram: 1024, disk: 10 } })
  })

  it('writes the usage at most once per interval, and only when it changed', async () => {
    await using bench = await startCloud('h1')
    const reconcile = createReconciler(bench)
    await reconcile()
    await bench.createServer()
    await bench.reconcile()
    expect(await reconcile()).toMatchObject({ kind: 'wait', recheckAfter: STATUS_INTERVAL_MS })
    expect(hostWrites(bench)).toBe(1)
    await bench.clock.advance(STATUS_INTERVAL_MS)
    await reconcile()
    await bench.clock.advance(STATUS_INTERVAL_MS)
    await reconcile()
    expect(hostWrites(bench)).toBe(2)
  })

  it('reports at once that a host goes down or comes back, and leaves Ready to its agent afterwards', async () => {
    await using bench = await startCloud('h1')
    const reconcile = createReconciler(bench)
    await reportConnected(bench)
    await reconcile()
    await bench.expireLeasesExcept()
    await reconcile()
    expect(statusOfHost(bench)).toMatchObject({ state: 'down' })
    expect(readyOf(bench)).toMatchObject({ status: 'Unknown', reason: 'HostDown' })
    await bench.renewLease('h1')
    await reconcile()
    expect(statusOfHost(bench)).toMatchObject({ state: 'up' })
    await reportConnected(bench)
    await reconcile()
    expect(readyOf(bench)).toMatchObject({ status: 'True', reason: 'Connected' })
    await bench.clock.advance(STATUS_INTERVAL_MS)
    const before = statusOfHost(bench)
    await reconcile()
    expect(statusOfHost(bench)).toEqual(before)
    expect(statusOfHost(bench)?.capacity).toMatchObject({ vcpus: 16 })
  })

  it('writes observedGeneration at once, and only in the status, not in conditions', async () => {
    await using bench = await startCloud('h1')
    const reconcile = createReconciler(bench)
    await reportConnected(bench)
    await reconcile()
    const handle = bench.api.resource<Hypervisor>(resourceDefOf(hypervisorKind))
    for (const [generation, disabled] of [true, false].entries()) {
      await handle.patch({ name: 'h1' }, { spec: { disabled } })
      await bench.fake.waitForCaches()
      await reconcile()
      expect(statusOfHost(bench)?.observedGeneration).toBe(generation + 2)
    }
    // `kubectl wait` prefers the observedGeneration of a condition to that of the status, so an old one in the
    // condition would mislead it.
    expect(readyOf(bench)).not.toHaveProperty('observedGeneration')
    await bench.expireLeasesExcept()
    await reconcile()
    expect(readyOf(bench)).toMatchObject({ reason: 'HostDown' })
    expect(readyOf(bench)).not.toHaveProperty('observedGeneration')
  })

  it('reports at once that an agent has another version, and that it has been upgraded', async () => {
    await using bench = await startCloud('h1')
    const reconcile = createReconciler(bench, '0.3.0')
    const skewOf = () => findCondition(statusOfHost(bench)?.conditions, 'VersionSkew')
    await reportVersion(bench, '0.2.0')
    await reconcile()
    expect(skewOf()).toBeUndefined()
    await reportVersion(bench, '0.1.0')
    await reconcile()
    expect(skewOf()).toMatchObject({ status: 'True', reason: 'AgentTooOld' })
    expect(bench.services.views.get('h1')?.versionSkew).toBe(skewOf()?.message)
    await reportVersion(bench, '0.3.0')
    await reconcile()
    expect(skewOf()).toBeUndefined()
    expect(bench.services.views.get('h1')?.versionSkew).toBeUndefined()
  })

  it('writes nothing when the Hypervisor is gone', async () => {
    await using bench = await startCloud()
    expect(await createReconciler(bench)('h9')).toEqual({ kind: 'done' })
    expect(hostWrites(bench)).toBe(0)
  })
})
