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
import { Bench, startCloud } from '../testing.ts'
import { decideRemoval } from './remove.ts'

describe('decideRemoval', () => {
  interface Host {
    exists?: boolean
    up?: boolean
    forced?: boolean
  }
  const server = (host: string | undefined, annotations = {}): Server => {
    const { server: base } = guestOf()
    return { ...base, metadata: { ...base.metadata, annotations }, status: host === undefined ? {} : { host } }
  }
  const hostsWith = ({ exists = true, up = true, forced = false }: Host) => ({
    exists: () => exists,
    isUp: () => exists && up && !forced,
    isForcedDown: () => forced,
    whyDown: () => 'the agent of host h1 is silent',
  })
  it.each([
    ['releases a server that has no host', undefined, {}, {}, { release: true }],
    ['leaves the deletion to the agent of a host that is up', 'h1', {}, {}, { release: false }],
    [
      'releases a server whose host is gone',
      'h1',
      { exists: false },
      {},
      { release: true, without: 'there is no Hypervisor h1 any more' },
    ],
    [
      'releases a server whose host is forced down',
      'h1',
      { forced: true },
      {},
      { release: true, without: 'Hypervisor h1 is forced down' },
    ],
    [
      'waits for a host that is down',
      'h1',
      { up: false },
      {},
      { release: false, waiting: expect.stringContaining(`set annotation ${FORCE_DELETE}=true`) },
    ],
    [
      'releases a server with the annotation force-delete',
      'h1',
      { up: false },
      { [FORCE_DELETE]: 'true' },
      { release: true },
    ],
    [
      'waits when the annotation force-delete is false',
      'h1',
      { up: false },
      { [FORCE_DELETE]: 'false' },
      { release: false },
    ],
  ] as const)('%s', (_, host, facts, annotations, expected) => {
    expect(decideRemoval(server(host, annotations), hostsWith(facts))).toMatchObject(expected)
  })
})

describe('removeServer', () => {
  const serversApi = (bench: Bench) => bench.api.resource<Server>(resourceDefOf(serverKind))
  async function placeServer(...hosts: string[]): Promise<Bench> {
    const bench = await startCloud(...hosts)
    await bench.createServer('web', { networks: [{ name: 'lan' }] })
    await bench.reconcile()
    return bench
  }
  const requestDeletion = async (bench: Bench): Promise<void> => {
    await serversApi(bench).delete({ name: 'web', namespace: 'demo' })
    await bench.fake.waitForCaches()
  }

  it('deletes a server without a host', async () => {
    await using bench = await startCloud()
    await bench.createServer()
    await requestDeletion(bench)
    await bench.reconcile()
    expect(bench.getServer()).toBeUndefined()
    expect(bench.writes).toEqual(['create serveractions', 'patch servers'])
    expect(bench.events).toEqual([])
  })

  it('leaves the deletion to the agent while the host is up', async () => {
    await using bench = await placeServer('h1')
    const { length } = bench.writes
    await requestDeletion(bench)
    await bench.reconcile()
    expect(bench.getServer()?.metadata.finalizers).toHaveLength(1)
    expect(bench.writes.slice(length)).toEqual(['create serveractions'])
  })

  it('waits for a host that is down and reports that once, until the host is given up', async () => {
    await using bench = await placeServer('h1')
    await bench.expireLeasesExcept()
    await requestDeletion(bench)
    const { length } = bench.writes
    for (let i = 0; i < 3; i++) await bench.reconcile()
    expect(bench.writes.slice(length)).toEqual(['create serveractions', 'applyStatus servers'])
    expect(findCondition(bench.statusOf().conditions, 'DeletionPending')).toMatchObject({
      status: 'True',
      reason: 'HostDown',
    })
    await serversApi(bench).patch(
      { name: 'web', namespace: 'demo' },
      { metadata: { annotations: { [FORCE_DELETE]: 'true' } } },
    )
    await bench.fake.waitForCaches()
    await bench.reconcile()
    expect(bench.getServer()).toBeUndefined()
    await bench.reconcile()
    expect(bench.listPorts()).toEqual([])
    expect(bench.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'Warning DeletionPending',
      'Warning DeletedWithoutHost',
    ])
    expect(bench.events[0]?.note).toContain(`set annotation ${FORCE_DELETE}=true`)
  })

  it('deletes a server whose Hypervisor is gone', async () => {
    await using bench = await placeServer('h1')
    await bench.api.resource<Hypervisor>(resourceDefOf(hypervisorKind)).delete({ name: 'h1' })
    await requestDeletion(bench)
    await bench.reconcile()
    expect(bench.getServer()).toBeUndefined()
  })

  it('keeps other finalizers', async () => {
    await using bench = await startCloud()
    await bench.createServer('web', {}, { finalizers: ['example.com/x', 'compute.kubenova.io/host'] })
    await requestDeletion(bench)
    await bench.reconcile()
    expect(bench.getServer()?.metadata.finalizers).toEqual(['example.com/x'])
    const { length } = bench.writes
    await bench.reconcile()
    expect(bench.writes).toHaveLength(length)
  })

  it('deletes the server after a crash before or after its write', async () => {
    for (const when of ['before', 'after'] as const) {
      await using first = await startCloud()
      await first.createServer()
      await requestDeletion(first)
      await using dying = await Bench.start(first.api, new Life().killAt(0, when))
      await expect(dying.reconcile()).rejects.toThrow(Killed)
      await using next = await Bench.start(first.api)
      await next.reconcile()
      expect(next.getServer()).toBeUndefined()
    }
  })
})
