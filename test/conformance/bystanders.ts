/**
 * The recorded cloud held servers of other scenarios, which ran at the same time. A list that shows them calls them
 * `{uuid}`. They exist here only during the request, because later lists show others.
 */
import { servers } from '../../api-shim/state/stores.ts'
import type { Server, TaskState, VmState } from '../../crds/index.ts'
import { deleteServer } from './deleted-servers.ts'
import type { Exchange } from './exchange.ts'
import { addressesFrom } from './placement.ts'
import { serversIn } from './recorded-facts.ts'
import { setState, type WantedState } from './servers.ts'
import type { Stand } from './stand.ts'

type Shown = Readonly<Record<string, unknown>>

const textOf = (shown: Shown, member: string): string | undefined => {
  const value = shown[member]
  return typeof value === 'string' && !value.startsWith('{') ? value : undefined
}

/**
 * The servers of other scenarios that this request must find, newest first. A list is compared by its first items only,
 * so those behind the first known server are left out.
 */
function bystandersOf({ request, response }: Exchange): Shown[] {
  if (request.method !== 'GET' || response?.status !== 200) return []
  const [path = ''] = request.path.split('?')
  if (path.includes('/servers/{uuid}')) {
    const { addresses } = response.body as Shown
    return [{ ...(addresses === undefined ? {} : { addresses }), ...serversIn(response.body)[0], id: SAMPLE_UUID }]
  }
  if (!/\/servers(\/detail)?$/.test(path)) return []
  const shown = serversIn(response.body)
  const end = shown.findIndex(({ id }) => id !== '{uuid}')
  return end === -1 ? shown : shown.slice(0, end)
}

/** The value of `{uuid}` in requests. */
const SAMPLE_UUID = '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f'

export async function seedBystanders(exchange: Exchange, stand: Stand): Promise<Server[]> {
  const isDeleted = exchange.request.path.includes('status=DELETED')
  const shown = bystandersOf(exchange).toReversed()
  const seeded: Server[] = []
  for (const [index, server] of shown.entries()) seeded.push(await seedBystander(server, index, exchange, stand))
  if (!isDeleted) return seeded
  for (const server of seeded) await deleteServer(server, stand)
  return []
}

async function seedBystander(shown: Shown, index: number, { as, request }: Exchange, stand: Stand): Promise<Server> {
  const { shim, simulation } = stand
  const namespace = request.path.includes('all_tenants') ? 'other' : shim.callerOf(as)?.project?.namespace
  simulation.now = new Date(Date.now() + index * 1000)
  const server = await shim.seed<Server>(servers.kind, {
    metadata: { name: `bystander-${index}`, namespace, annotations: annotationsOf(shown, stand) },
    spec: specOf(shown),
  })
  simulation.now = undefined
  await setState(shim, server.metadata, stateOf(shown, stand))
  const status = {
    ...(shown['OS-EXT-SRV-ATTR:host'] === null ? { host: null, instance: null } : {}),
    addresses: addressesFrom(shown['addresses']),
  }
  const resource = shim.api.resource<Server>(servers.kind)
  const patched = await resource.patch(server.metadata, { status }, { subresource: 'status' })
  await shim.waitForCache(servers.kind, patched)
  return patched
}

function annotationsOf(shown: Shown, { names }: Stand): Record<string, string> {
  const user = names.get(String(shown['user_id']).slice(1, -1))
  return {
    'compute.kubenova.io/user-id': user ?? 'f'.repeat(32),
    'compute.kubenova.io/reservation-id': 'r-1a2b3c4d',
  }
}

function specOf(shown: Shown): object {
  const uuid = textOf(shown, 'id')
  const description = textOf(shown, 'description')
  return {
    flavor: 'f-tiny',
    image: { name: 'tiny', namespace: 'admin' },
    displayName: textOf(shown, 'name') ?? 'bystander',
    configDrive: false,
    ...(uuid === undefined ? {} : { uuid }),
    ...(description === undefined ? {} : { description }),
    ...(shown['metadata'] === undefined ? {} : { metadata: shown['metadata'] }),
  }
}

function stateOf(shown: Shown, { names }: Stand): WantedState {
  const taskState = textOf(shown, 'OS-EXT-STS:task_state')
  const host = names.get(String(shown['OS-EXT-SRV-ATTR:host']).slice(1, -1))
  return {
    vmState: (textOf(shown, 'OS-EXT-STS:vm_state') ?? 'active') as VmState,
    ...(taskState === undefined ? {} : { taskState: taskState as TaskState }),
    ...(host === undefined ? {} : { host }),
  }
}

export async function removeBystanders(bystanders: readonly Server[], { shim }: Stand): Promise<void> {
  for (const { metadata } of bystanders) {
    await shim.api.resource(servers.kind).delete(metadata)
    await shim.services.state.waiterOf(servers)?.waitForDeletion(`${metadata.namespace}/${metadata.name}`, metadata.uid)
  }
}
