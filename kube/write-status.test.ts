import { expect, it } from 'vitest'
import type { Resource } from './resource.ts'
import type { KubeObject } from './types.ts'
import { writeStatus } from './write-status.ts'

type Guest = KubeObject & { status?: object }

/**
 * `owned` is the object's present status; the writer owns all of its fields. Returns the result, and the statuses that
 * were sent.
 */
async function write(owned: object | undefined, status: object | undefined) {
  const sent: (object | undefined)[] = []
  const applyStatus = async (draft: Guest): Promise<Guest> => {
    sent.push(draft.status)
    return draft
  }
  const resource = { def: {}, applyStatus } as unknown as Resource<Guest>
  const seen: Guest = {
    apiVersion: 'v1',
    kind: 'Guest',
    metadata: { name: 'web' },
    ...(owned ? { status: owned } : {}),
  }
  const { result } = await writeStatus(resource, seen, status, { fieldManager: 'agent', owned })
  return { result, sent }
}

const ready = { type: 'Ready', status: 'True', observedGeneration: 2 }
const stalled = { type: 'Stalled', status: 'False' }

it.each<[what: string, owned: object, status: object | undefined]>([
  ['a field is new', {}, { power: 'on' }],
  ['a field has another value', { power: 'on' }, { power: 'off' }],
  ['a field is removed', { power: 'on', host: 'h1' }, { power: 'on' }],
  ['all fields are removed', { power: 'on' }, undefined],
  ['a member of a field is new', { domain: { name: 'web' } }, { domain: { name: 'web', reason: 'crashed' } }],
  ['a member of a field is removed', { domain: { name: 'web', reason: 'crashed' } }, { domain: { name: 'web' } }],
  ['a member of a list item is removed', { events: [{ name: 'a', host: 'h1' }] }, { events: [{ name: 'a' }] }],
  ['a member of a condition is removed', { conditions: [ready] }, { conditions: [{ type: 'Ready', status: 'True' }] }],
  ['a condition is removed', { conditions: [ready, stalled] }, { conditions: [ready] }],
  ['the items of a list have another order', { keys: ['a', 'b'] }, { keys: ['b', 'a'] }],
])('sends the status when %s', async (_, owned, status) => {
  expect(await write(owned, status)).toEqual({ result: 'written', sent: [status] })
})

it.each<[what: string, owned: object, status: object | undefined]>([
  ['is the same', { domain: { name: 'web' }, keys: ['a'] }, { domain: { name: 'web' }, keys: ['a'] }],
  ['has a member that is undefined', { domain: { name: 'web' } }, { domain: { name: 'web', reason: undefined } }],
  ['has its conditions in another order', { conditions: [ready, stalled] }, { conditions: [stalled, ready] }],
  ['is empty, as before', {}, undefined],
])('sends nothing when the status %s', async (_, owned, status) => {
  expect(await write(owned, status)).toEqual({ result: 'unchanged', sent: [] })
})

it('sends the status when it is not known what the manager owns', async () => {
  expect(await write(undefined, { power: 'on' })).toEqual({ result: 'written', sent: [{ power: 'on' }] })
})
