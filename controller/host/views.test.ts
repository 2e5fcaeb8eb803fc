import { describe, expect, it } from 'vitest'
import {
  type HostAggregate,
  type Hypervisor,
  hostAggregate,
  hypervisor as hypervisorKind,
  resourceDefOf,
} from '../../crds/index.ts'
import { type Bench, startCloud } from '../testing.ts'

const names = (bench: Bench): string[] => bench.views.table().views.map(({ name }) => name)
const hypervisors = (bench: Bench) => bench.api.resource<Hypervisor>(resourceDefOf(hypervisorKind))

describe('HostViews', () => {
  it('keeps a view until its host changes', async () => {
    await using bench = await startCloud('h1', 'h2')
    const [h1, h2] = [bench.views.get('h1'), bench.views.get('h2')]
    expect(bench.views.get('h1')).toBe(h1)
    await hypervisors(bench).patch({ name: 'h1' }, { spec: { disabled: true } })
    await bench.fake.waitForCaches()
    expect(bench.views.get('h1')).toMatchObject({ disabled: true })
    expect(bench.views.get('h1')).not.toBe(h1)
    expect(bench.views.get('h2')).toBe(h2)
  })

  it('adds and removes the views of hosts that are created and deleted', async () => {
    await using bench = await startCloud('h1')
    expect(names(bench)).toEqual(['h1'])
    await bench.createHost('h2')
    expect(names(bench)).toEqual(['h1', 'h2'])
    await hypervisors(bench).delete({ name: 'h1' })
    await bench.fake.waitForCaches()
    expect(names(bench)).toEqual(['h2'])
    expect(bench.views.get('h1')).toBeUndefined()
  })

  it('shows a host down as soon as its Lease runs out, whatever its status says', async () => {
    await using bench = await startCloud('h1')
    expect(bench.views.get('h1')?.up).toBe(true)
    await bench.expireLeasesExcept()
    expect(bench.views.get('h1')?.up).toBe(false)
    await bench.renewLease('h1')
    expect(bench.views.get('h1')?.up).toBe(true)
  })

  it('follows the aggregates of a host', async () => {
    await using bench = await startCloud('h1', 'h2')
    const aggregates = bench.api.resource<HostAggregate>(resourceDefOf(hostAggregate))
    await aggregates.create({
      metadata: { name: 'ssd' },
      spec: { hosts: ['h1'], availabilityZone: 'east', metadata: { ssd: 'true' } },
    })
    await bench.fake.waitForCaches()
    expect(['h1', 'h2'].map((host) => bench.views.get(host)?.zone)).toEqual(['east', 'nova'])
    await aggregates.patch({ name: 'ssd' }, { spec: { hosts: ['h2'] } })
    await bench.fake.waitForCaches()
    expect(['h1', 'h2'].map((host) => bench.views.get(host)?.zone)).toEqual(['nova', 'east'])
    await aggregates.delete({ name: 'ssd' })
    await bench.fake.waitForCaches()
    expect(bench.views.get('h2')?.aggregates).toEqual([])
  })

  it('shows the current usage of a host without a new view', async () => {
    await using bench = await startCloud('h1')
    const view = bench.views.get('h1')
    await bench.createServer()
    await bench.reconcile()
    expect(bench.views.get('h1')?.used).toBe(view?.used)
    expect(view?.used).toMatchObject({ servers: 1, vcpus: 1 })
  })
})
