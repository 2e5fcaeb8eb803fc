import { expect, it } from 'vitest'
import type { Server, ServerStatus } from '../crds/index.ts'
import { overdueStateOf, type TransientState, transientStateLimits, transientStateOf } from './overdue.ts'

const since = '2026-01-01T00:00:00Z'
const later = '2026-01-01T01:00:00Z'

const makeServer = (status: Partial<ServerStatus>, metadata: object = {}): Server =>
  ({ metadata: { name: 'web', creationTimestamp: since, ...metadata }, spec: {}, status }) as Server
const withCondition = (type: string, status: 'True' | 'False') => ({
  conditions: [{ type, status, reason: 'R', message: 'm', lastTransitionTime: later }],
})
const activeAction = { uid: 'u', name: 'reboot-1', action: 'reboot', admittedAt: later }
const built = { host: 'h1', launchedAt: since, vmState: 'active' } as const

const table: [string, Server, { state: TransientState; since: string } | undefined][] = [
  ['the controller has not seen it yet', makeServer({}), { state: 'unplaced', since }],
  ['it has no host', makeServer({ vmState: 'building' }), { state: 'unplaced', since }],
  ['it has a host', makeServer({ vmState: 'building', host: 'h1' }), { state: 'building', since }],
  ['it runs', makeServer(built), undefined],
  ['an action request was admitted', makeServer({ ...built, activeAction }), { state: 'action', since: later }],
  ['the action is completed', makeServer({ ...built, activeAction, lastCompletedAction: 'u' }), undefined],
  [
    'its spec changed',
    makeServer({ ...built, ...withCondition('Reconciling', 'True') }),
    { state: 'changing', since: later },
  ],
  [
    'its host is down',
    makeServer({ ...built, ...withCondition('HostReachable', 'False') }),
    { state: 'unreachable', since: later },
  ],
  ['it is deleted', makeServer(built, { deletionTimestamp: later }), { state: 'deleting', since: later }],
  ['it is in error until its user acts', makeServer({ vmState: 'error' }), undefined],
]

it.each(table)('transientStateOf a server when %s', (_, server, expected) => {
  expect(transientStateOf(server)).toEqual(expected)
})

it.each(table.flatMap(([name, server, found]) => (found ? [[name, server, found] as const] : [])))(
  'overdueStateOf is defined only after the limit when %s',
  (_, server, { state, since: start }) => {
    const end = Date.parse(start) + transientStateLimits[state] * 1000
    expect(overdueStateOf(server, end)).toBeUndefined()
    expect(overdueStateOf(server, end + 1)).toBe(state)
  },
)
