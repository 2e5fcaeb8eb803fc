import { describe, expect, it } from 'vitest'
import { Channels, defineChannel } from './channel.ts'
import type { Handlers } from './informer.ts'
import { WorkQueue } from './queue.ts'
import { defineStore, type Store, type StoreDef } from './store.ts'
import { FakeClock } from './testing/fake-clock.ts'
import type { KubeObject, ObjectMeta, TypedResourceDef } from './types.ts'
import { type Watch, watch, watchChannel, watchTimer } from './watch.ts'

interface Thing {
  metadata: ObjectMeta
}
const kind: TypedResourceDef<Thing> = { group: '', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }
const things = defineStore(kind)
const thing = (name: string, more: Partial<ObjectMeta> = {}): Thing => ({ metadata: { namespace: 'n', name, ...more } })
const ownKey = ({ metadata }: Thing): string[] => [`n/${metadata.name}`]
const because = 'It is a test.'

interface Stores {
  things: { names: string[] }
}

function connect(watched: Watch<Stores>) {
  const clock = new FakeClock()
  const channels = new Channels()
  const queue = new WorkQueue({ name: 'q', clock })
  const handlers = new Set<Handlers<Thing>>()
  const informer = {
    on(added: Handlers<Thing>) {
      handlers.add(added)
      return () => void handlers.delete(added)
    },
  }
  const stop = watched.connect({
    stores: { things: { names: ['n/a', 'n/b'] } },
    storeOf: <T extends KubeObject>(def: StoreDef<T>) => ({ def, informer }) as unknown as Store<T>,
    channels,
    clock,
    enqueue(keys, priority) {
      for (const key of keys) queue.add(key, { priority, after: watched.after })
    },
  })
  const taken = async (): Promise<string[]> => {
    const items: string[] = []
    while (queue.length > 0) {
      const item = await queue.take()
      items.push(`${item?.key} ${item?.priority}`)
      queue.done(item?.key ?? '')
    }
    return items
  }
  const [first = {}] = handlers
  return { clock, channels, taken, stop, handlers, on: first as Required<Handlers<Thing>> }
}

describe('watch', () => {
  it('gives objects of the first list a lower priority than changes', async () => {
    const { on, taken } = connect(watch(things, { map: ownKey, because }))
    on.added(thing('old'), { initial: true })
    on.added(thing('new'), { initial: false })
    on.updated(thing('changed'), thing('changed'))
    on.deleted(thing('gone'), { finalStateUnknown: false })
    expect(await taken()).toEqual(['n/new normal', 'n/changed normal', 'n/gone normal', 'n/old low'])
  })

  it('gives every event the priority that it names, the first list included', async () => {
    const { on, taken } = connect(watch(things, { map: ownKey, because, priority: 'high' }))
    on.added(thing('old'), { initial: true })
    on.updated(thing('changed'), thing('changed'))
    on.deleted(thing('gone'), { finalStateUnknown: false })
    expect(await taken()).toEqual(['n/old high', 'n/changed high', 'n/gone high'])
  })

  it('enqueues the keys of the old and of the new object of an update', async () => {
    const hostOf = ({ metadata }: Thing): string[] => [metadata.labels?.['host'] ?? 'none']
    const onHost = (host: string): Thing => thing('x', { labels: { host } })
    const { on, taken } = connect(watch(things, { map: hostOf, because }))
    on.updated(onHost('h1'), onHost('h2'))
    expect(await taken()).toEqual(['h1 normal', 'h2 normal'])
  })

  it('calls the function of an event, with the stores, and `map` for events that have none', async () => {
    const options = {
      map: ownKey,
      updated: (_: Thing, __: Thing, stores: Stores) => stores.things.names,
      because,
    }
    const { on, taken } = connect(watch(things, options))
    on.updated(thing('x'), thing('x'))
    on.deleted(thing('gone'), { finalStateUnknown: false })
    expect(await taken()).toEqual(['n/a normal', 'n/b normal', 'n/gone normal'])
  })

  it('ignores events that it has no function for', async () => {
    const watched = watch(things, { deleted: ownKey, because })
    const { on, taken } = connect(watched)
    on.added(thing('x'), { initial: false })
    on.updated(thing('x'), thing('x'))
    expect(await taken()).toEqual([])
    expect(watched.events).toEqual(['deleted'])
  })

  it('skips the first list when told to', async () => {
    const { on, taken } = connect(watch(things, { map: ownKey, because, skipInitialList: true }))
    on.added(thing('old'), { initial: true })
    on.added(thing('new'), { initial: false })
    expect(await taken()).toEqual(['n/new normal'])
  })

  it('enqueues after its delay, once for many events', async () => {
    const { on, taken, clock } = connect(watch(things, { map: ownKey, because, after: 5000 }))
    for (let i = 0; i < 3; i++) on.updated(thing('x'), thing('x'))
    expect(await taken()).toEqual([])
    await clock.advance(5000)
    expect(await taken()).toEqual(['n/x normal'])
  })

  it('stops when told to', () => {
    const { stop, handlers } = connect(watch(things, { map: ownKey, because }))
    expect(handlers.size).toBe(1)
    stop()
    expect(handlers.size).toBe(0)
  })
})

describe('watchChannel', () => {
  const freed = defineChannel<string>('freed')

  it('enqueues the keys of each value that is notified until it is stopped', async () => {
    const map = (name: string, { things: { names } }: Stores): string[] => names.filter((key) => key.endsWith(name))
    const { channels, taken, stop } = connect(watchChannel(freed, { map, because }))
    channels.notify(freed, 'b')
    channels.notify(defineChannel<string>('freed'), 'a')
    expect(await taken()).toEqual(['n/b normal'])
    stop()
    channels.notify(freed, 'b')
    expect(await taken()).toEqual([])
  })

  it('enqueues with its priority and after its delay', async () => {
    const { channels, taken, clock } = connect(
      watchChannel(freed, { map: (name) => [name], because, priority: 'low', after: 1000 }),
    )
    channels.notify(freed, 'x')
    expect(await taken()).toEqual([])
    await clock.advance(1000)
    expect(await taken()).toEqual(['x low'])
  })
})

describe('watchTimer', () => {
  it('enqueues each time it is due until it is stopped', async () => {
    const { clock, taken, stop } = connect(
      watchTimer(60_000, { map: ({ things: { names } }: Stores) => names, because }),
    )
    await clock.advance(59_999)
    expect(await taken()).toEqual([])
    await clock.advance(1)
    expect(await taken()).toEqual(['n/a low', 'n/b low'])
    await clock.advance(60_000)
    expect(await taken()).toEqual(['n/a low', 'n/b low'])
    stop()
    await clock.advance(60_000)
    expect(await taken()).toEqual([])
  })
})
