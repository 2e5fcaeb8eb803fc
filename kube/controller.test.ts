import { describe, expect, it } from 'vitest'
import { FakeApi } from '../test/fakes/api.ts'
import { type ConfigMap, configMaps, type Lease, leases } from './builtin-kinds.ts'
import { Channels, defineChannel } from './channel.ts'
import { type Controller, defineController, runControllers } from './controller.ts'
import { done } from './outcome.ts'
import { createStores, defineStore, type Store, startStores } from './store.ts'
import { FakeClock, flushPromises } from './testing/fake-clock.ts'
import { watch, watchChannel } from './watch.ts'

const maps = defineStore(configMaps, { namespace: 'n' })
const beats = defineStore(leases)
const expired = defineChannel<string>('lease expired')

interface Services {
  seen: string[]
}

const controllerOf = (
  more: { name?: string; own?: false; concurrency?: number } = {},
): Controller<Pick<Services, 'seen'>> =>
  defineController({
    name: 'maps',
    for: maps,
    stores: { maps, beats },
    watches: [
      watch(beats, {
        map: ({ metadata: { name } }: Lease, { maps }: { maps: Store<ConfigMap> }) =>
          maps.cache.list().flatMap(({ metadata, data }) => (data?.['lease'] === name ? [`n/${metadata.name}`] : [])),
        because: 'A map waits for its lease.',
      }),
      watchChannel(expired, { map: (key) => [key], because: 'Its lease ran out.', priority: 'high' }),
    ],
    ...more,
    reconcile: async (key, { stores, priority }, { seen }: Pick<Services, 'seen'>) => {
      seen.push(`${key} ${priority} ${stores.maps.cache.get(key)?.data?.['lease']} ${Object.keys(stores).join()}`)
      return done
    },
  })

async function start(controllers: readonly Controller<Services>[], options: { stores?: object } = {}) {
  const clock = new FakeClock()
  const api = new FakeApi(() => clock.wall())
  const kube = api.kube(undefined, 'test', clock)
  const stop = new AbortController()
  const seen: string[] = []
  const channels = new Channels()
  const write = kube.resource(configMaps)
  await write.create({ metadata: { namespace: 'n', name: 'first' }, data: { lease: 'l' } })
  const run = (): Promise<void> =>
    runControllers(controllers, { kube, channels, services: { seen }, ...options }, stop.signal)
  const settled = async (): Promise<string[]> => {
    for (let i = 0; i < 20; i++) await flushPromises()
    return seen.splice(0)
  }
  return { clock, kube, stop, channels, write, run, settled }
}

describe('runControllers', () => {
  it('reconciles existing objects, changed objects, and the keys that watches enqueue', async () => {
    const { kube, stop, channels, write, run, settled } = await start([controllerOf()])
    const ended = run()
    expect(await settled()).toEqual(['n/first low l maps,beats'])
    await write.create({ metadata: { namespace: 'n', name: 'second' } })
    expect(await settled()).toEqual(['n/second normal undefined maps,beats'])
    await kube.resource(leases).create({ metadata: { namespace: 'other', name: 'l' } })
    expect(await settled()).toEqual(['n/first normal l maps,beats'])
    channels.notify(expired, 'n/gone')
    expect(await settled()).toEqual(['n/gone high undefined maps,beats'])
    stop.abort()
    await ended
  })

  it('makes one informer for each store, whichever controllers declare it', async () => {
    const { kube, stop, run, settled } = await start([controllerOf(), controllerOf({ name: 'others' })])
    const ended = run()
    expect(await settled()).toHaveLength(2)
    expect(await kube.metrics.value('reflector_lists_total', { name: 'configmaps' })).toBe(1)
    stop.abort()
    await ended
  })

  it('enqueues nothing before it runs, and then all objects of stores that were started before', async () => {
    const clock = new FakeClock()
    const api = new FakeApi(() => clock.wall())
    const kube = api.kube(undefined, 'test', clock)
    const stores = createStores({ beats, maps, more: defineStore(leases) }, { kube })
    const stop = new AbortController()
    await kube.resource(configMaps).create({ metadata: { namespace: 'n', name: 'a' } })
    await startStores(stores, stop.signal)
    const channels = new Channels()
    channels.notify(expired, 'n/missed')
    const seen: string[] = []
    const ended = runControllers<Services>(
      [controllerOf()],
      { kube, stores, channels, services: { seen } },
      stop.signal,
    )
    for (let i = 0; i < 20; i++) await flushPromises()
    expect(seen).toEqual(['n/a low undefined maps,beats'])
    stop.abort()
    await ended
  })

  it('rejects when a store that a controller declares is missing', async () => {
    const { stop, run, kube } = await start([controllerOf()])
    const stores = createStores({ maps }, { kube })
    const ended = runControllers<Services>([controllerOf()], { kube, stores, services: { seen: [] } }, stop.signal)
    await expect(ended).rejects.toThrow('controller maps: there is no store for its beats')
    stop.abort()
    await run().catch(() => undefined)
  })

  it('rejects when a controller watches a kind that is not among its stores', async () => {
    const { kube, stop } = await start([])
    const watches = [watch(beats, { map: () => [], because: 'It is a test.' })]
    const careless = defineController({
      name: 'careless',
      for: maps,
      stores: { maps },
      watches,
      reconcile: async () => done,
    })
    await expect(runControllers([careless], { kube }, stop.signal)).rejects.toThrow(
      'controller careless watches Lease, which is not among its stores',
    )
    stop.abort()
  })
})

describe('defineController', () => {
  it('does not compile when a watch uses a store that is not declared', () => {
    const map = (_: Lease, { maps }: { maps: Store<ConfigMap> }): string[] => [...maps.cache.keys()]
    const careless = {
      name: 'careless',
      for: beats,
      stores: { beats },
      watches: [watch(beats, { map, because: 'It is a test.' })],
      reconcile: async () => done,
    }
    // @ts-expect-error: `maps` is not among its stores
    defineController(careless)
    expect(true).toBe(true)
  })

  it('ignores changes of its own kind with `own: false`', async () => {
    const { stop, channels, run, settled } = await start([controllerOf({ own: false })])
    const ended = run()
    expect(await settled()).toEqual([])
    channels.notify(expired, 'n/first')
    expect(await settled()).toEqual(['n/first high l maps,beats'])
    stop.abort()
    await ended
  })

  it('enqueues only objects of its own kind that meet `own.when`, with `own.priority`', async () => {
    const { kube, stop, write } = await start([])
    const seen: string[] = []
    const picky = defineController({
      name: 'picky',
      for: maps,
      own: { when: ({ data }) => data?.['lease'] !== undefined, priority: 'high' },
      stores: { maps },
      reconcile: async (key, { priority }) => void seen.push(`${key} ${priority}`),
    })
    const ended = runControllers([picky], { kube }, stop.signal)
    const settled = async (): Promise<string[]> => {
      for (let i = 0; i < 20; i++) await flushPromises()
      return seen.splice(0)
    }
    expect(await settled()).toEqual(['n/first high'])
    await write.create({ metadata: { namespace: 'n', name: 'none' } })
    expect(await settled()).toEqual([])
    await write.patch({ namespace: 'n', name: 'first' }, { data: { lease: null } })
    expect(await settled()).toEqual([])
    await write.patch({ namespace: 'n', name: 'none' }, { data: { lease: 'x' } })
    expect(await settled()).toEqual(['n/none high'])
    stop.abort()
    await ended
  })
})
