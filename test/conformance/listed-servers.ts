import { actions, servers } from '../../api-shim/state/stores.ts'
import { deletedServerFrom } from '../../controller/cleanup/deletion-record.ts'
import type { Server, VmState } from '../../crds/index.ts'
import type { Placeholders } from './placeholders.ts'
import { setState } from './servers.ts'
import type { Stand } from './stand.ts'

interface ListedServer {
  namespace?: string
  flavor?: string
  image?: string
  vmState?: VmState
  locked?: 'owner'
  spec?: object
  status?: object
}

const address = { network: 'private', address: '10.10.0.5', version: 4, macAddress: 'fa:16:3e:00:00:01' }

const listed: Readonly<Record<string, ListedServer>> = {
  a: {
    spec: { description: 'first', hostname: 'list-a-host', metadata: { k: 'v' }, tags: ['t1', 't2'] },
    status: { addresses: [address] },
  },
  b: { flavor: 'f-small', image: 'other', vmState: 'stopped', spec: { tags: ['t2'] } },
  c: { flavor: 'f-wide', locked: 'owner', spec: { lockedReason: 'because' } },
  // An administrator has set the state to `error`, so the server has no fault.
  d: { vmState: 'error', status: { fault: null, powerState: 'Running' } },
  e: { namespace: 'other' },
}

export async function seedListedServers(setup: string, names: Placeholders, stand: Stand): Promise<void> {
  if (!setup.startsWith('servers a ACTIVE') || names.get('server:a') !== undefined) return
  names.bind('server:f', await seedDeletedServer('list-f', stand))
  for (const [index, [name, listedServer]] of Object.entries(listed).entries()) {
    const server = await seedServer(`list-${name}`, index, listedServer, stand)
    names.bind(`server:${name}`, server.metadata.uid ?? '')
  }
}

/** Creates a server that is older than the others, and deletes it as the controller does. */
async function seedDeletedServer(name: string, stand: Stand): Promise<string> {
  const { shim } = stand
  const server = await seedServer(name, 0, {}, stand)
  const { namespace = '', uid = '' } = server.metadata
  await shim.api.resource(servers.kind).delete(server.metadata)
  const status = {
    phase: 'Succeeded',
    startTime: '2026-01-02T03:05:00Z',
    finishTime: '2026-01-02T03:05:01Z',
    deletedServer: deletedServerFrom(server, []),
  }
  const metadata = { name: `${name}-deleted`, namespace }
  await shim.seed(actions.kind, { metadata, spec: { server: name, action: 'delete' }, status })
  return uid
}

async function seedServer(
  name: string,
  index: number,
  { namespace = 'mine', flavor = 'f-tiny', image = 'tiny', vmState = 'active', locked, spec, status }: ListedServer,
  { shim }: Stand,
): Promise<Server> {
  const annotations = {
    'compute.kubenova.io/user-id': shim.callerOf('member')?.user.id ?? '',
    'compute.kubenova.io/reservation-id': 'r-1a2b3c4d',
  }
  const server = await shim.seed<Server>(servers.kind, {
    // Lists are sorted by creation time in whole seconds, so each server gets a second of its own.
    metadata: { name, namespace, annotations, creationTimestamp: `2026-01-02T03:04:0${index}Z` },
    spec: { flavor, image: { name: image, namespace: 'admin' }, displayName: name, configDrive: false, ...spec },
  })
  await setState(shim, server.metadata, { vmState, ...(locked ? { locked } : {}) })
  if (status) {
    const resource = shim.api.resource<Server>(servers.kind)
    await shim.waitForCache(servers.kind, await resource.patch(server.metadata, { status }, { subresource: 'status' }))
  }
  return server
}
