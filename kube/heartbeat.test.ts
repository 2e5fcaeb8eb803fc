import { describe, expect, it } from 'vitest'
import { FakeApi } from '../test/fakes/api.ts'
import { Life } from '../test/fakes/life.ts'
import { type Lease, leases } from './builtin-kinds.ts'
import { ApiError } from './errors.ts'
import { startHeartbeat } from './heartbeat.ts'
import { FakeClock, flushPromises } from './testing/fake-clock.ts'

const OWNER = { apiVersion: 'v1', kind: 'Node', name: 'h1', uid: 'u1' }

class HeartbeatBench {
  readonly clock = new FakeClock()
  readonly api = new FakeApi(() => this.clock.wall())
  owner = OWNER

  start(identity: string, life = new Life()) {
    const stop = new AbortController()
    const kube = this.api.kube(life, 'agent', this.clock)
    const owner = () => this.owner
    const options = { kube, namespace: 'sys', name: 'h1', identity, durationMs: 30_000, everyMs: 10_000, owner }
    const beat = startHeartbeat(options, stop.signal)
    const state = { held: false }
    void beat.acquired.then(() => {
      state.held = true
    })
    return { beat, state, stop: () => stop.abort() }
  }

  get lease(): Lease | undefined {
    return this.api.find('leases', 'sys/h1') as Lease | undefined
  }

  get holder(): string | undefined {
    return this.lease?.spec?.holderIdentity
  }
}

describe('startHeartbeat', () => {
  it('writes the lease once per interval, without reading it first', async () => {
    const bench = new HeartbeatBench()
    const life = new Life()
    const { state, stop } = bench.start('h1_a', life)
    await bench.clock.advance(65_000)
    stop()
    expect(state.held).toBe(true)
    expect(life.effects.length).toBeGreaterThanOrEqual(6)
    expect(life.effects.length).toBeLessThanOrEqual(8)
    expect(bench.holder).toBe('h1_a')
  })

  it('continues at once in another process of the same identity', async () => {
    const bench = new HeartbeatBench()
    bench.start('h1_a').stop()
    await flushPromises()
    const again = bench.start('h1_a')
    await bench.clock.advance(100)
    expect(again.state.held).toBe(true)
    again.stop()
  })

  it('waits while another holder renews the lease, and takes it when that one has been silent for its duration', async () => {
    const bench = new HeartbeatBench()
    const first = bench.start('h1_a')
    await bench.clock.advance(1000)
    const second = bench.start('h1_b')
    await bench.clock.advance(300_000)
    expect(bench.holder).toBe('h1_a')
    expect(second.state.held).toBe(false)
    expect(second.beat.otherHolder).toBe('h1_a')
    expect(first.beat.lost.aborted).toBe(false)
    first.stop()
    // The last heartbeat was written up to 10.5 s before the stop, so the lease of 30 s expires at least 19.5 s after
    // the stop.
    await bench.clock.advance(19_000)
    expect(second.state.held).toBe(false)
    await bench.clock.advance(13_000)
    expect(second.state.held).toBe(true)
    expect(second.beat.otherHolder).toBeUndefined()
    second.stop()
  })

  it('aborts `lost` when another holder has taken the lease, and does not take it back', async () => {
    const bench = new HeartbeatBench()
    const first = bench.start('h1_a')
    await bench.clock.advance(1000)
    const spec = { holderIdentity: 'h1_b', leaseDurationSeconds: 30, renewTime: '2026-01-01T01:00:00.000000Z' }
    await bench.api.resource<Lease>(leases).patch({ namespace: 'sys', name: 'h1' }, { spec })
    await bench.clock.advance(15_000)
    expect(first.beat.lost.aborted).toBe(true)
    expect(bench.holder).toBe('h1_b')
    first.stop()
  })

  it('keeps the lease when others change its labels', async () => {
    const bench = new HeartbeatBench()
    const { beat, stop } = bench.start('h1_a')
    for (let i = 0; i < 5; i++) {
      await bench.clock.advance(10_000)
      const labels = { 'example.com/seen': String(i) }
      await bench.api.resource<Lease>(leases).patch({ namespace: 'sys', name: 'h1' }, { metadata: { labels } })
    }
    await bench.clock.advance(12_000)
    expect(beat.ageMs).toBeLessThan(12_000)
    expect(beat.lost.aborted).toBe(false)
    stop()
  })

  it('retries a failed heartbeat within seconds', async () => {
    const bench = new HeartbeatBench()
    const life = new Life()
    const { beat, stop } = bench.start('h1_a', life)
    await bench.clock.advance(1000)
    life.fail('apply leases', new ApiError({ request: 'fake', status: 0 }), { times: 2 })
    await bench.clock.advance(13_000)
    expect(beat.ageMs).toBeLessThan(4000)
    stop()
  })

  it('creates the lease again when it was deleted, with the present owner', async () => {
    const bench = new HeartbeatBench()
    const { stop } = bench.start('h1_a')
    await bench.clock.advance(1000)
    bench.owner = { ...OWNER, uid: 'u2' }
    await bench.api.resource<Lease>(leases).delete({ namespace: 'sys', name: 'h1' })
    await bench.clock.advance(15_000)
    expect(bench.lease?.metadata.ownerReferences).toEqual([bench.owner])
    stop()
  })
})
