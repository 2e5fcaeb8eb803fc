import { describe, expect, it } from 'vitest'
import { guestOf } from '../../actions/testing.ts'
import {
  FORCE_DELETE,
  findCondition,
  type Hypervisor,
  hypervisor as hypervisorKind,
  resourceDefOf,
  type Server,
  server as serverKind,
} from '../../crds/index.ts'
import { Killed, Life } from '../../test/fakes/life.ts'
import { Bench, cloud } from '../testing.ts'
import { decideRemoval } from './remove.ts'

describe('who lets it go', () => {
  interface Host {
    exists?: boolean
    up?: boolean
    forced?: boolean
  }
  const server = (host: string | undefined, annotations = {}): Server => {
    const { server: base } = guestOf()
    return { ...base, metadata: { ...base.metadata, annotations }, status: host === undefined ? {} : { host } }
  }
  const of = ({ exists = true, up = true, forced = false }: Host) => ({
    exists: () => exists,
    isUp: () => exists && up && !forced,
    isForcedDown: () => forced,
    whyDown: () => 'the agent of host h1 is silent',
  })
  it.each([
    ['it has no host', undefined, {}, {}, { release: true }],
    ['its host is up', 'h1', {}, {}, { release: false }],
    ['its host is gone', 'h1', { exists: false }, {}, { release: true, without: 'there is no Hypervisor h1 any more' }],
    ['its host is forced down', 'h1', { forced: true }, {}, { release: true, without: 'Hypervisor h1 is forced down' }],
    [
      'its host is silent',
      'h1',
      { up: false },
      {},
      { release: false, waiting: expect.stringContaining(`set annotation ${FORCE_DELETE}=true`) },
    ],
    ['its host is given up', 'h1', { up: false }, { [FORCE_DELETE]: 'true' }, { release: true }],
    ['the annotation says no', 'h1', { up: false }, { [FORCE_DELETE]: 'false' }, { release: false }],
  ] as const)('%s', (_, host, facts, annotations, wanted) => {
    expect(decideRemoval(server(host, annotations), of(facts))).toMatchObject(wanted)
  })
})

describe('a deletion', () => {
  const servers = (bench: Bench) => bench.api.resource<Server>(resourceDefOf(serverKind))
  async function placed(...hosts: string[]): Promise<Bench> {
    const bench = await cloud(...hosts)
    await bench.server('web', { networks: [{ name: 'lan' }] })
    await bench.reconcile()
    return bench
  }
  const remove = async (bench: Bench): Promise<void> => {
    await servers(bench).delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
  }

  it('of a server without a host is the controller’s', async () => {
    await using bench = await cloud()
    await bench.server()
    await remove(bench)
    await bench.reconcile()
    expect(bench.read()).toBeUndefined()
    expect(bench.writes).toEqual(['patch servers'])
    expect(bench.events).toEqual([])
  })

  it('of a placed server is its agent’s, as long as that is there', async () => {
    await using bench = await placed('h1')
    const { length } = bench.writes
    await remove(bench)
    await bench.reconcile()
    expect(bench.read()?.metadata.finalizers).toHaveLength(1)
    expect(bench.writes).toHaveLength(length)
  })

  it('waits for a silent host, says so once, and goes on when the host is given up', async () => {
    await using bench = await placed('h1')
    await bench.silence()
    await remove(bench)
    const { length } = bench.writes
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.writes).toHaveLength(length + 1)
    expect(findCondition(bench.status().conditions, 'DeletionPending')).toMatchObject({
      status: 'True',
      reason: 'HostDown',
    })
    await servers(bench).patch(
      { name: 'web', namespace: 'demo' },
      { metadata: { annotations: { [FORCE_DELETE]: 'true' } } },
    )
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.read()).toBeUndefined()
    await bench.reconcile()
    expect(bench.ports()).toEqual([])
    expect(bench.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'Warning DeletionPending',
      'Warning DeletedWithoutHost',
    ])
    expect(bench.events[0]?.note).toContain(`set annotation ${FORCE_DELETE}=true`)
  })

  it('of a server whose host is removed from the cloud is the controller’s', async () => {
    await using bench = await placed('h1')
    await bench.api.resource<Hypervisor>(resourceDefOf(hypervisorKind)).delete({ name: 'h1' })
    await remove(bench)
    await bench.reconcile()
    expect(bench.read()).toBeUndefined()
  })

  it('leaves the finalizers of others', async () => {
    await using bench = await cloud()
    await bench.server('web', {}, { finalizers: ['example.com/x', 'compute.kubenova.io/host'] })
    await remove(bench)
    await bench.reconcile()
    expect(bench.read()?.metadata.finalizers).toEqual(['example.com/x'])
    const { length } = bench.writes
    await bench.reconcile()
    expect(bench.writes).toHaveLength(length)
  })

  it('after a crash at any write ends as without', async () => {
    for (const when of ['before', 'after'] as const) {
      await using first = await cloud()
      await first.server()
      await remove(first)
      await using dying = await Bench.start(first.api, new Life().killAt(0, when))
      await expect(dying.reconcile()).rejects.toThrow(Killed)
      await using next = await Bench.start(first.api)
      await next.reconcile()
      expect(next.read()).toBeUndefined()
    }
  })
})
