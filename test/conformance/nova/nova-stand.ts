import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTestIdentity } from '../../../api-shim/identity/testing.ts'
import { actions, aggregates, hypervisors, keyPairs, networks, ports, servers } from '../../../api-shim/state/stores.ts'
import type { TestShim } from '../../../api-shim/testing.ts'
import type { Server, VmState } from '../../../crds/index.ts'
import type { KubeObject } from '../../../kube/types.ts'
import { freePorts } from '../../rig/ports.ts'
import { createServer, setState } from '../servers.ts'
import { createStand, type Stand } from '../stand.ts'
import { type RecordedRequest, recordRequests } from './record.ts'

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ+4n2sXkXK3n1x8pWc0hYJ3m1r7b9F2p0q0o6wX1cZ5 demo'
const PROJECT = 'mine'
const PASSWORD = 'secret'

export interface NovaStand extends AsyncDisposable {
  /** Makes `web`, in this state, the only server. Returns the values of the words in braces in command lines. */
  prepare(state: VmState): Promise<Map<string, string>>
  takeRequests(): RecordedRequest[]
  login(user: 'demo' | 'cloud-admin'): string[]
}

/** @param dir a directory for files that command lines name */
export async function createNovaStand(dir: string): Promise<NovaStand> {
  const [port] = await freePorts('127.0.0.1', 1)
  const url = `http://127.0.0.1:${port}`
  let takeRequests = (): RecordedRequest[] => []
  const stand = await createStand({
    publicUrl: url,
    beforeStart: ({ app }) => {
      takeRequests = recordRequests(app)
    },
  })
  const { shim } = stand
  const stop = new AbortController()
  const roles = [
    { user: 'demo', role: 'member', project: PROJECT },
    { user: 'cloud-admin', role: 'admin' },
  ]
  await startTestIdentity(shim, { demo: PASSWORD, 'cloud-admin': PASSWORD }, roles, stop.signal)
  answerForAgents(shim)
  await shim.seed(keyPairs.kind, { metadata: { name: 'demo', namespace: PROJECT }, spec: { publicKey: KEY } })
  await shim.seed(aggregates.kind, { metadata: { name: 'empty' }, spec: { hosts: [] } })
  await shim.seed(hypervisors.kind, { metadata: { name: 'host-3' }, spec: {}, status: { state: 'up' } })
  const keyFile = join(dir, 'key.pub')
  writeFileSync(keyFile, `${KEY}\n`)
  await shim.app.listen({ host: '127.0.0.1', port: port ?? 0 })
  return {
    takeRequests: () => takeRequests(),
    prepare: async (state) => new Map([...(await prepareServer(stand, state)), ['key file', keyFile]]),
    login: (user) => Object.entries(loginOptions(url, user)).flatMap(([name, value]) => [`--os-${name}`, value]),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await shim[Symbol.asyncDispose]()
    },
  }
}

const loginOptions = (url: string, user: string): Record<string, string> => ({
  'auth-url': `${url}/identity/v3`,
  username: user,
  password: PASSWORD,
  'project-name': PROJECT,
  'user-domain-id': 'default',
  'project-domain-id': 'default',
})

function answerForAgents(shim: TestShim): void {
  const statistics = { 'state.state': 1, 'vcpu.current': 1, 'vcpu.0.time': 5_000_000, 'balloon.maximum': 262_144 }
  const ask = async (_host: unknown, question: { ask: string }): Promise<object> =>
    question.ask === 'statistics' ? { statistics } : { output: 'login:\n' }
  Object.assign(shim.services, { hosts: { ask } })
}

async function prepareServer({ shim, names }: Stand, state: VmState): Promise<[string, string][]> {
  for (const [def, plural] of [
    [servers.kind, 'servers'],
    [ports.kind, 'ports'],
  ] as const)
    for (const { metadata } of shim.api.list<KubeObject>(plural)) await shim.api.resource(def).delete(metadata)
  const { metadata } = await createServer(shim, 'web')
  await setState(shim, metadata, { vmState: state })
  const port = await giveAddress(shim, metadata)
  const record = await shim.seed<KubeObject>(actions.kind, {
    metadata: { name: `${metadata.name}-record`, namespace: PROJECT },
    spec: { server: metadata.name, action: 'reboot', requestId: `req-${metadata.uid}`, reboot: { type: 'SOFT' } },
    status: { phase: 'Succeeded', startTime: '2026-01-02T03:04:05Z', finishTime: '2026-01-02T03:04:06Z' },
  })
  const idOf = (plural: string, name: string): string =>
    shim.api.list<KubeObject>(plural).find((object) => object.metadata.name === name)?.metadata.uid ?? ''
  const absent = '11111111-2222-4333-8444-555555555555'
  return [
    ['request', (record as unknown as { spec: { requestId: string } }).spec.requestId],
    ['project', names.get(`project:${PROJECT}`) ?? ''],
    ['network', idOf(networks.kind.plural, 'private')],
    ['host', idOf(hypervisors.kind.plural, 'host-1')],
    ['other host', idOf(hypervisors.kind.plural, 'host-2')],
    ['free host', 'host-3'],
    ['port', port.metadata.uid ?? ''],
    ...['volume', 'group'].map((what): [string, string] => [what, absent]),
  ]
}

async function giveAddress(shim: TestShim, { name, namespace }: Server['metadata']): Promise<KubeObject> {
  const [address, macAddress] = ['10.10.0.5', 'fa:16:3e:00:00:01']
  const resource = shim.api.resource<Server>(servers.kind)
  await resource.patch({ name, namespace }, { spec: { tags: ['blue'] } })
  const status = { addresses: [{ network: 'private', address, version: 4, macAddress }] }
  await shim.waitForCache(
    servers.kind,
    await resource.patch({ name, namespace }, { status }, { subresource: 'status' }),
  )
  return shim.seed(ports.kind, {
    metadata: { name: `${name}-port`, namespace },
    spec: { network: { name: 'private' } },
    status: { macAddress, fixedIPs: [address], server: name },
  })
}
