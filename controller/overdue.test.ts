import { expect, it } from 'vitest'
import type { Server, ServerStatus } from '../crds/index.ts'
import { limits, overdue, type Passing, passing } from './overdue.ts'

const since = '2026-01-01T00:00:00Z'
const later = '2026-01-01T01:00:00Z'

const server = (status: Partial<ServerStatus>, metadata: object = {}): Server =>
  ({ metadata: { name: 'web', creationTimestamp: since, ...metadata }, spec: {}, status }) as Server
const is = (type: string, status: 'True' | 'False') => ({
  conditions: [{ type, status, reason: 'R', message: 'm', lastTransitionTime: later }],
})
const deed = { uid: 'u', name: 'reboot-1', action: 'reboot', admittedAt: later }
const built = { host: 'h1', launchedAt: since, vmState: 'active' } as const

const table: [string, Server, { state: Passing; since: string } | undefined][] = [
  ['nobody has looked at it', server({}), { state: 'unplaced', since }],
  ['it has no host', server({ vmState: 'building' }), { state: 'unplaced', since }],
  ['it has a host', server({ vmState: 'building', host: 'h1' }), { state: 'building', since }],
  ['it runs', server(built), undefined],
  ['a deed was admitted', server({ ...built, activeAction: deed }), { state: 'action', since: later }],
  ['the deed is done', server({ ...built, activeAction: deed, lastCompletedAction: 'u' }), undefined],
  ['its spec changed', server({ ...built, ...is('Reconciling', 'True') }), { state: 'changing', since: later }],
  ['its host is down', server({ ...built, ...is('HostReachable', 'False') }), { state: 'unreachable', since: later }],
  ['it is deleted', server(built, { deletionTimestamp: later }), { state: 'deleting', since: later }],
  ['it waits in error, which nobody but a user ends', server({ vmState: 'error' }), undefined],
]

it.each(table)('the passing state when %s', (_, object, wanted) => {
  expect(passing(object)).toEqual(wanted)
})

it.each(table.flatMap(([name, object, found]) => (found ? [[name, object, found] as const] : [])))(
  'is overdue after its limit and not before: %s',
  (_, object, { state, since: start }) => {
    const end = Date.parse(start) + limits[state] * 1000
    expect(overdue(object, end)).toBeUndefined()
    expect(overdue(object, end + 1)).toBe(state)
  },
)
