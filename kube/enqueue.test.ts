import { expect, it } from 'vitest'
import { type EnqueueOptions, enqueueOnChange } from './enqueue.ts'
import type { Handlers } from './informer.ts'
import { WorkQueue } from './queue.ts'
import { FakeClock } from './testing/fake-clock.ts'
import type { ObjectMeta } from './types.ts'

interface Thing {
  metadata: ObjectMeta
}
const thing = (name: string, more: Partial<ObjectMeta> = {}): Thing => ({ metadata: { namespace: 'n', name, ...more } })

/** The items that the queue gives out, in order, after the handlers have been called. */
async function itemsAfter(
  events: (handlers: Required<Handlers<Thing>>) => void,
  options?: EnqueueOptions<Thing>,
): Promise<string[]> {
  const queue = new WorkQueue({ name: 'q', clock: new FakeClock() })
  let handlers: Handlers<Thing> = {}
  enqueueOnChange({ on: (h) => ((handlers = h), () => undefined) }, queue, options)
  events(handlers as Required<Handlers<Thing>>)
  const items: string[] = []
  while (queue.length > 0) {
    const item = await queue.take()
    items.push(`${item?.key} ${item?.priority}`)
  }
  return items
}

it('enqueueOnChange gives objects of the first list a lower priority than changes', async () => {
  const items = await itemsAfter((handlers) => {
    handlers.added(thing('old'), { initial: true })
    handlers.added(thing('new'), { initial: false })
    handlers.updated(thing('changed'), thing('changed'))
    handlers.deleted(thing('gone'), { finalStateUnknown: false })
  })
  expect(items).toEqual(['n/new normal', 'n/changed normal', 'n/gone normal', 'n/old low'])
})

it('enqueueOnChange leaves out updates for which `when` is false, and takes the priority of `priority`', async () => {
  const items = await itemsAfter(
    (handlers) => {
      handlers.updated(thing('status', { generation: 1 }), thing('status', { generation: 1 }))
      handlers.updated(thing('spec', { generation: 1 }), thing('spec', { generation: 2 }))
      handlers.updated(thing('end', { generation: 1 }), thing('end', { generation: 2, deletionTimestamp: 'now' }))
    },
    {
      when: (old, now) => old.metadata.generation !== now.metadata.generation,
      priority: (now) => (now.metadata.deletionTimestamp ? 'high' : 'normal'),
    },
  )
  expect(items).toEqual(['n/end high', 'n/spec normal'])
})

it('enqueueOnChange enqueues the keys of the old and of the new object of an update', async () => {
  const hostOf = ({ metadata }: Thing): string[] => [metadata.labels?.['host'] ?? 'none']
  const on = (host: string): Thing => thing('x', { labels: { host } })
  const items = await itemsAfter((handlers) => handlers.updated(on('h1'), on('h2')), { keys: hostOf })
  expect(items).toEqual(['h1 normal', 'h2 normal'])
})
