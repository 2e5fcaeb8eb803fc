/**
 * The recorded cloud held more than the objects of the scenario. Only the recorded answers tell of the others.
 */
import { aggregates, quotaConfigMaps, servers } from '../../api-shim/state/stores.ts'
import type { Server } from '../../crds/index.ts'
import { deleteServer } from './deleted-servers.ts'
import type { Run } from './exchange.ts'
import { setState } from './servers.ts'
import type { Stand } from './stand.ts'

interface OtherServer {
  flavor: string
  host?: string
}

/** By project. */
type OtherServers = Readonly<Record<string, readonly OtherServer[]>>

const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ+4n2sXkXK3n1x8pWc0hYJ3m1r7b9F2p0q0o6wX1cZ5 ck'

const tiny: OtherServer = { flavor: 'f-tiny' }
const ofUsageReports: OtherServers = {
  mine: [tiny],
  other: [tiny, tiny, tiny, tiny],
  small: [{ flavor: 'f-wide' }, tiny, { flavor: 'f-small' }, tiny],
}

/** Recorded groups, by how their names begin. */
const serversOfGroups: readonly (readonly [string, OtherServers])[] = [
  ['quotas-usage/', ofUsageReports],
  ['routes/route GET /os-simple-tenant-usage', ofUsageReports],
  ['malformed/methods that a route lacks', { other: [tiny] }],
]

export async function seedRecordedCloud({ group, exchanges }: Run, stand: Stand): Promise<void> {
  const { shim } = stand
  if (group === 'keypairs/key pair quota')
    await shim.seed(quotaConfigMaps.kind, {
      metadata: { name: 'kubenova-quota', namespace: 'small' },
      data: { project: '{"":{"key_pairs":1}}' },
    })
  if (/^(hosts|malformed)\//.test(group))
    await shim.seed(aggregates.kind, { metadata: { name: 'x' }, spec: { hosts: [] } })
  if (group.startsWith('hosts/')) {
    const [, count = '1'] = /already has (\d+) instance/.exec(JSON.stringify(exchanges)) ?? []
    const onSecond = Array.from({ length: Number(count) }, () => ({ ...tiny, host: 'host-2' }))
    await seedServers({ other: [tiny, ...onSecond] }, stand)
  }
  const [, keyPair] = /key pair (\w+) exists/.exec(exchanges.map(({ setup }) => setup).join('\n')) ?? []
  if (keyPair !== undefined)
    await shim.ask('POST', '/compute/v2.1/os-keypairs', {
      body: { keypair: { name: keyPair, public_key: PUBLIC_KEY } },
    })
  if (group === 'quotas-usage/usage') await seedDeletedServer(stand)
  for (const [start, others] of serversOfGroups) if (group.startsWith(start)) await seedServers(others, stand)
}

/** A server that was deleted before, in the project that comes first in reports. */
async function seedDeletedServer(stand: Stand): Promise<void> {
  await seedServers({ admin: [tiny] }, stand)
  const [server] = stand.shim.api.list<Server>(servers.kind.plural, 'admin')
  if (server) await deleteServer(server, stand, new Date().toISOString())
}

async function seedServers(others: OtherServers, { shim }: Stand): Promise<void> {
  for (const [namespace, list] of Object.entries(others))
    for (const [i, { flavor, host = 'host-1' }] of list.entries()) {
      const user = shim.callerOf(namespace === 'small' ? 'small' : 'member')?.user.id ?? ''
      const server = await shim.seed<Server>(servers.kind, {
        metadata: { name: `used-${i}`, namespace, annotations: { 'compute.kubenova.io/user-id': user } },
        spec: { flavor, image: { name: 'tiny', namespace: 'admin' }, displayName: 'used' },
      })
      await setState(shim, server.metadata, { vmState: 'active', host })
    }
}
