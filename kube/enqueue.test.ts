import { expect, it } from 'vitest'
import { type EnqueueOptions, enqueueOnChange, generationChanged, ownerKey } from './enqueue.ts'
import type { Handlers } from './informer.ts'
import { WorkQueue } from './queue.ts'
import { FakeClock } from './testing/fake-clock.ts'
import type { ObjectMeta } from './types.ts'

interface Thing {
  metadata: ObjectMeta
}
const thing = (name: string, more: Partial<ObjectMeta> = {}): Thing => ({ metadata: { namespace: 'n', name, ...more } })

/** What a queue holds after some events. */
async function fed(events: (h: Required<Handlers<Thing>>) => void, options?: EnqueueOptions<Thing>): Promise<string[]> {
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

it('feeds what is new before what was there and what is only resynced', async () => {
  const same = thing('same')
  const items = await fed((h) => {
    h.added(thing('old'), { initial: true })
    h.updated(same, same)
    h.added(thing('new'), { initial: false })
    h.updated(thing('changed'), thing('changed'))
    h.deleted(thing('gone'), { finalStateUnknown: false })
  })
  expect(items).toEqual(['n/new normal', 'n/changed normal', 'n/gone normal', 'n/old low', 'n/same low'])
})

it('leaves out changes that do not matter, and knows urgent ones', async () => {
  const items = await fed(
    (h) => {
      h.updated(thing('status', { generation: 1 }), thing('status', { generation: 1 }))
      h.updated(thing('spec', { generation: 1 }), thing('spec', { generation: 2 }))
      h.updated(thing('end', { generation: 1 }), thing('end', { generation: 1, deletionTimestamp: 'now' }))
    },
    { when: generationChanged, priority: (now) => (now.metadata.deletionTimestamp ? 'high' : 'normal') },
  )
  expect(items).toEqual(['n/end high', 'n/spec normal'])
})

it('feeds the owner, the one before and the one after', async () => {
  const owned = (...names: string[]): Thing =>
    thing('x', {
      ownerReferences: names.map((name) => ({ apiVersion: 'v1', kind: 'Server', name, uid: name, controller: true })),
    })
  const items = await fed(
    (h) => {
      h.updated(owned('a'), owned('b'))
      h.added(thing('y', { ownerReferences: [{ apiVersion: 'v1', kind: 'Server', name: 'c', uid: 'c' }] }), {
        initial: false,
      })
    },
    { keys: ownerKey('Server') },
  )
  expect(items).toEqual(['n/a normal', 'n/b normal'])
})
