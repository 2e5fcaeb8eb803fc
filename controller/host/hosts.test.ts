import { describe, expect, it } from 'vitest'
import { type Hypervisor, hypervisor as hypervisorKind, resourceDefOf } from '../../crds/index.ts'
import { type Lease, leases } from '../../kube/builtin-kinds.ts'
import { Bench, LEASE_SECONDS, startCloud } from '../testing.ts'

const hypervisorApi = (bench: Bench) => bench.api.resource<Hypervisor>(resourceDefOf(hypervisorKind))

describe('LeaseHosts', () => {
  it('reports a host up while its agent renews the Lease, and down when the Lease has run out', async () => {
    await using bench = await startCloud('h1', 'h2')
    expect([bench.hosts.isUp('h1'), bench.hosts.isUp('h2')]).toEqual([true, true])
    await bench.expireLeasesExcept('h2')
    expect([bench.hosts.isUp('h1'), bench.hosts.isUp('h2')]).toEqual([false, true])
    expect(bench.hosts.whyDown('h1')).toBe('the agent of host h1 has stopped renewing its lease')
  })

  it('keeps a host up when no Lease at all is seen, because then the watch is interrupted', async () => {
    await using bench = await startCloud('h1')
    await bench.clock.advance(LEASE_SECONDS * 10_000)
    expect(bench.hosts.isUp('h1')).toBe(true)
    await bench.renewLease('another')
    await bench.clock.advance(1000)
    expect(bench.hosts.isUp('h1')).toBe(false)
  })

  it('calls onChange once for each change', async () => {
    await using bench = await startCloud('h1')
    await bench.expireLeasesExcept()
    await bench.clock.advance(LEASE_SECONDS * 1000)
    await bench.renewLease('h1')
    expect(bench.livenessChanges.filter((host) => host === 'h1')).toHaveLength(3)
    await bench.renewLease('h1')
    expect(bench.livenessChanges.filter((host) => host === 'h1')).toHaveLength(3)
  })

  it('never changes its answer before it has called onChange, however late a Lease is renewed', async () => {
    for (let late = -1000; late <= 1000; late += 125) {
      await using bench = await startCloud('h1')
      await bench.clock.advance(LEASE_SECONDS * 500)
      await bench.renewLease('witness')
      await bench.clock.advance(LEASE_SECONDS * 500 + late)
      await bench.renewLease('witness')
      const [answer, reported] = [bench.hosts.isUp('h1'), bench.livenessChanges.length]
      await bench.renewLease('h1')
      expect([late, answer, bench.hosts.isUp('h1')]).toEqual([late, bench.livenessChanges.length === reported, true])
    }
  })

  it('reports a host down when it has no Lease or its Lease is deleted', async () => {
    await using bench = await Bench.start()
    await hypervisorApi(bench).create({ metadata: { name: 'h1' }, spec: {} })
    await bench.fake.waitForCaches()
    expect(bench.hosts.isUp('h1')).toBe(false)
    await bench.renewLease('h1')
    expect(bench.hosts.isUp('h1')).toBe(true)
    await bench.api.resource<Lease>(leases).delete({ name: 'h1', namespace: 'kubenova-system' })
    await bench.fake.waitForCaches()
    expect(bench.hosts.isUp('h1')).toBe(false)
    expect(bench.livenessChanges).toEqual(['h1', 'h1'])
  })

  it('reports a host down that was down before the controller started, until its agent renews the Lease', async () => {
    await using bench = await startCloud('h1', 'h2')
    await hypervisorApi(bench).applyStatus({ metadata: { name: 'h1' }, status: { state: 'down' } })
    await using next = await Bench.start(bench.api)
    expect([next.hosts.isUp('h1'), next.hosts.isUp('h2')]).toEqual([false, true])
    await next.clock.advance(1000)
    await next.renewLease('h1')
    expect(next.hosts.isUp('h1')).toBe(true)
    expect(next.livenessChanges).toContain('h1')
  })

  it('reports a host down that is forced down, although its agent renews the Lease', async () => {
    await using bench = await startCloud('h1')
    await hypervisorApi(bench).patch({ name: 'h1' }, { spec: { forcedDown: true } })
    await bench.fake.waitForCaches()
    expect([bench.hosts.isUp('h1'), bench.hosts.isForcedDown('h1')]).toEqual([false, true])
    expect(bench.hosts.whyDown('h1')).toBe('host h1 is forced down')
  })

  it('does not know a host without Hypervisor, even when a Lease has its name', async () => {
    await using bench = await startCloud()
    await bench.renewLease('h9')
    expect([bench.hosts.exists('h9'), bench.hosts.isUp('h9')]).toEqual([false, false])
    expect(bench.hosts.whyDown('h9')).toMatch(/^there is no Hypervisor h9: /)
  })

  it('gives every host the full duration of its Lease after the controller started', async () => {
    await using first = await startCloud('h1')
    await first.expireLeasesExcept()
    expect(first.hosts.isUp('h1')).toBe(false)
    await using second = await Bench.start(first.api)
    expect(second.hosts.isUp('h1')).toBe(true)
    await second.expireLeasesExcept()
    expect(second.hosts.isUp('h1')).toBe(false)
  })

  it('leaves no timers when it is disposed', async () => {
    const bench = await startCloud('h1', 'h2')
    await bench[Symbol.asyncDispose]()
    expect(bench.clock.pending).toBe(0)
  })
})
