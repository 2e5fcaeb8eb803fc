import type { Condition, Server, ServerAction } from '../../../crds/index.ts'
import { conditionOf, type User } from '../../e2e/user.ts'
import type { Host } from '../../rig/host.ts'
import { waitUntil } from '../../rig/wait-until.ts'

/**
 * Waits until the agent is ready.
 * @param flags override the flags that the test rig sets
 */
export async function restartAgent(user: User, host: string, ...flags: string[]): Promise<void> {
  await user.cloud.kill(`agent-${host}`)
  await user.cloud.startAgent(host, ...flags)
  await user.cloud.waitUntilReady(`agent-${host}`)
}

const LIST_ALL = `virsh list --all --uuid --name
find /var/lib/kubenova/instances /var/lib/kubenova/net/guests /var/lib/kubenova/cache /run/kubenova /var/lib/libvirt/qemu/save
ip -brief link
nft --stateless list ruleset`

export async function findOrphansOf(host: Host, { metadata, status }: Server): Promise<string[]> {
  const ports = status?.instance?.interfaces ?? []
  const names = [metadata.uid ?? '', ...ports.map(({ portId }) => `tap${portId.slice(0, 11)}`)]
  const listing = await host.exec(['bash', '-c', `{ ${LIST_ALL}; } 2>&1`])
  return listing.split('\n').filter((line) => names.some((name) => line.includes(name)))
}

export async function listUnfinishedImages(host: Host): Promise<string[]> {
  return (await host.exec(['find', '/var/lib/kubenova/cache/work', '-type', 'f'])).split('\n').filter(Boolean)
}

export async function listCachedImages(host: Host): Promise<string[]> {
  return (await host.exec(['ls', '/var/lib/kubenova/cache/bases'])).split('\n').filter(Boolean)
}

interface EventList {
  items: { type: string; reason: string; regarding?: { name: string }; involvedObject?: { name: string } }[]
}

/** Returns each event of the object as type and reason, such as `Warning DiskFull`. */
async function listEvents(user: User, name: string): Promise<string[]> {
  const { items } = JSON.parse(await user.kubectl('get', 'events.events.k8s.io', '-o', 'json')) as EventList
  const events = items.filter(({ regarding, involvedObject }) => (regarding ?? involvedObject)?.name === name)
  return events.map(({ type, reason }) => `${type} ${reason}`)
}

/** A Kubernetes event, such as `Warning DiskFull`. */
export async function waitForEvent(user: User, name: string, event: string): Promise<void> {
  await waitUntil(async () => (await listEvents(user, name)).includes(event), {
    what: `${event} of ${name}`,
    every: 200,
  })
}

export async function countSucceeded(user: User, server: string, action: string): Promise<number> {
  const all = await user.list<ServerAction>('serveractions')
  return all.filter((r) => r.spec.server === server && r.spec.action === action && r.status?.phase === 'Succeeded')
    .length
}

export function waitForReadiness(
  user: User,
  name: string,
  status: Condition['status'],
  reason: string,
): Promise<Server> {
  const hasReadiness = (server: Server): boolean => {
    const ready = conditionOf(server, 'Ready')
    return ready?.status === status && ready.reason === reason
  }
  return user.waitForServer(name, `Ready ${status} for ${reason}`, hasReadiness)
}
