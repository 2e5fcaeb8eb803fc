import { servers } from '../../api-shim/state/stores.ts'
import type { Server, VmState } from '../../crds/index.ts'
import { deleteServer } from './deleted-servers.ts'
import type { Placeholders } from './placeholders.ts'
import { setState } from './servers.ts'
import type { Stand } from './stand.ts'

interface ListedServer {
  user?: string
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
  e: { namespace: 'other', user: 'other-project' },
}

export async function seedListedServers(setup: string, names: Placeholders, stand: Stand): Promise<void> {
  if (!setup.startsWith('servers a ACTIVE') || names.get('server:a') !== undefined) return
  const deleted = await seedServer('list-f', 0, {}, stand)
  await deleteServer(deleted, stand)
  names.bind('server:f', deleted.metadata.uid ?? '')
  // The newest is created first, because the recorded servers have UUIDs in this order.
  for (const [index, [name, listedServer]] of [...Object.entries(listed).entries()].toReversed()) {
    const server = await seedServer(`list-${name}`, index + 1, listedServer, stand)
    names.bind(`server:${name}`, server.metadata.uid ?? '')
  }
}

async function seedServer(
  name: string,
  index: number,
  {
    user = 'member',
    namespace = 'mine',
    flavor = 'f-tiny',
    image = 'tiny',
    vmState = 'active',
    locked,
    spec,
    status,
  }: ListedServer,
  { shim, simulation }: Stand,
): Promise<Server> {
  const annotations = {
    'compute.kubenova.io/user-id': shim.callerOf(user)?.user.id ?? '',
    'compute.kubenova.io/reservation-id': 'r-1a2b3c4d',
  }
  // Lists are sorted by creation time in whole seconds, so each server gets a second of its own.
  simulation.now = new Date(`2026-01-02T03:04:0${index}Z`)
  const server = await shim.seed<Server>(servers.kind, {
    metadata: { name, namespace, annotations },
    spec: { flavor, image: { name: image, namespace: 'admin' }, displayName: name, configDrive: false, ...spec },
  })
  simulation.now = undefined
  const launchedAt = `2026-01-02T03:05:0${index}Z`
  await setState(shim, server.metadata, { vmState, launchedAt, ...(locked ? { locked } : {}) })
  if (status) {
    const resource = shim.api.resource<Server>(servers.kind)
    await shim.waitForCache(servers.kind, await resource.patch(server.metadata, { status }, { subresource: 'status' }))
  }
  return server
}
