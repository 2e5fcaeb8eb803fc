import { expect, it } from 'vitest'
import { API_VERSION, type Server, type ServerStatus } from '../crds/index.ts'
import { makeInstance } from './domain/examples.ts'
import { partitionForNetworkSync } from './sync.ts'

const makeServer = (uid: string, status: ServerStatus, deletionTimestamp?: string): Server => ({
  apiVersion: API_VERSION,
  kind: 'Server',
  metadata: { namespace: 'demo', name: uid, uid, ...(deletionTimestamp ? { deletionTimestamp } : {}) },
  spec: { flavor: 'f', image: { name: 'i' } } as Server['spec'],
  status,
})
const AT = '2026-01-01T00:00:00Z'
const launched: ServerStatus = { launchedAt: AT, instance: makeInstance() }

it('partitionForNetworkSync compares launched Servers only and leaves the network of all others untouched', () => {
  const servers = [
    makeServer('launched', launched),
    makeServer('being created', { instance: makeInstance() }),
    makeServer('being deleted', launched, AT),
    makeServer('not placed', {}),
  ]
  const { guests, leaveUntouched } = partitionForNetworkSync(servers, new Set(['launched', 'moved away, still runs']))
  expect(guests.map(({ id }) => id)).toEqual(['launched'])
  expect(leaveUntouched).toEqual(
    new Set(['launched', 'moved away, still runs', 'being created', 'being deleted', 'not placed']),
  )
})
