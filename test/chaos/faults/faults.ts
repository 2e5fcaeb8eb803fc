// What the stories of this folder share: agents with flags of their own, what is left of a server on a host, what was said of it.
import type { Condition, Server, ServerAction } from '../../../crds/index.ts'
import { conditionOf, type User } from '../../e2e/user.ts'
import type { Host } from '../../rig/host.ts'
import { until } from '../../rig/until.ts'

/** The agent of that host again, with these flags after the rig's own; waits until it works. */
export async function restartAgent(user: User, host: string, ...flags: string[]): Promise<void> {
  await user.cloud.kill(`agent-${host}`)
  await user.cloud.startAgent(host, ...flags)
  await user.cloud.ready(`agent-${host}`)
}

/** What a host has: its domains, our files, its links, its filters; a line each. */
const WHAT_IS_THERE = `virsh list --all --uuid --name
find /var/lib/kubenova/instances /var/lib/kubenova/net/guests /var/lib/kubenova/cache /run/kubenova /var/lib/libvirt/qemu/save
ip -brief link
nft --stateless list ruleset`

/** The lines of that which are of this server, by its uid or its taps. None: nothing of it is left. */
export async function remains(host: Host, { metadata, status }: Server): Promise<string[]> {
  const ports = status?.instance?.interfaces ?? []
  const names = [metadata.uid ?? '', ...ports.map(({ portId }) => `tap${portId.slice(0, 11)}`)]
  const seen = await host.exec(['bash', '-c', `{ ${WHAT_IS_THERE}; } 2>&1`])
  return seen.split('\n').filter((line) => names.some((name) => line.includes(name)))
}

/** Files of images that are being fetched or converted on a host. */
export async function halfImages(host: Host): Promise<string[]> {
  return (await host.exec(['find', '/var/lib/kubenova/cache/work', '-type', 'f'])).split('\n').filter(Boolean)
}

/** Keys of the images that a host has whole. */
export async function cachedImages(host: Host): Promise<string[]> {
  return (await host.exec(['ls', '/var/lib/kubenova/cache/bases'])).split('\n').filter(Boolean)
}

interface EventList {
  items: { type: string; reason: string; regarding?: { name: string }; involvedObject?: { name: string } }[]
}

/** Types and reasons of what was told of an object, such as `Warning DiskFull`. */
export async function told(user: User, name: string): Promise<string[]> {
  const { items } = JSON.parse(await user.kubectl('get', 'events.events.k8s.io', '-o', 'json')) as EventList
  const mine = items.filter(({ regarding, involvedObject }) => (regarding ?? involvedObject)?.name === name)
  return mine.map(({ type, reason }) => `${type} ${reason}`)
}

/** Waits until this was told of an object. */
export async function tells(user: User, name: string, what: string): Promise<void> {
  await until(async () => (await told(user, name)).includes(what), { what: `${what} of ${name}`, every: 200 })
}

/** Records of an action of a server that ended well. */
export async function done(user: User, server: string, action: string): Promise<number> {
  const all = await user.list<ServerAction>('serveractions')
  return all.filter((r) => r.spec.server === server && r.spec.action === action && r.status?.phase === 'Succeeded')
    .length
}

/** Waits until a server is Ready, or not, for this reason. */
export function readiness(user: User, name: string, status: Condition['status'], reason: string): Promise<Server> {
  const is = (server: Server): boolean => {
    const ready = conditionOf(server, 'Ready')
    return ready?.status === status && ready.reason === reason
  }
  return user.until(name, `Ready ${status} for ${reason}`, is)
}
