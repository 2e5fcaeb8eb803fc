import { expect, it } from 'vitest'
import { API_VERSION, type Server, type ServerStatus } from '../crds/index.ts'
import { makeInstance } from './domain/examples.ts'
import { partitionForNetworkSync } from './sync.ts'

const server = (uid: string, status: ServerStatus, deletionTimestamp?: string): Server => ({
  apiVersion: API_VERSION,
  kind: 'Server',
  metadata: { namespace: 'demo', name: uid, uid, ...(deletionTimestamp ? { deletionTimestamp } : {}) },
  spec: { flavor: 'f', image: { name: 'i' } } as Server['spec'],
  status,
})
const AT = '2026-01-01T00:00:00Z'
const launched: ServerStatus = { launchedAt: AT, instance: makeInstance() }

it('compares the network of servers that were made, and leaves that of others as it is', () => {
  const servers = [
    server('made', launched),
    server('in the making', { instance: makeInstance() }),
    server('going', launched, AT),
    server('not placed', {}),
  ]
  const { guests, leaveUntouched } = partitionForNetworkSync(servers, new Set(['made', 'moved away, and runs']))
  expect(guests.map(({ id }) => id)).toEqual(['made'])
  expect(leaveUntouched).toEqual(new Set(['made', 'moved away, and runs', 'in the making', 'going', 'not placed']))
})
