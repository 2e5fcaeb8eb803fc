// Tests which requests succeed for a thief who has the token of h1's agent. The API server must reject all others, with
// a message that says why.
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { openSealedUserData, sealUserData } from '../../actions/sealed-secret.ts'
import type { HostSecret, Hypervisor, Server, ServerAction } from '../../crds/index.ts'
import { type ApiClient, createApiClient } from '../rig/api.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { noNode, ownActions, powered, rejectedAttempts } from './agent-attempts.ts'
import {
  type Attempt,
  actionPath,
  deleteObject,
  eventsPath,
  forceApply,
  getText,
  groupPath,
  hostSecretPath,
  hypervisorPath,
  leasePath,
  makeActionRecord,
  makeEvent,
  makeLease,
  makeObject,
  mergePatch,
  namespacePath,
  postObject,
  serverPath,
  serverStatusPath,
  systemNamespace,
} from './attempts.ts'
import { withCloud } from './user.ts'

const user = withCloud({ hosts: 2, audit: true })

async function rejectionOf(attempt: Promise<unknown>): Promise<string> {
  const text = await attempt.then(
    () => 'it was allowed',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  const body = /: 403 (\{[^]*\})\s*$/.exec(text)?.[1]
  return body === undefined ? text : (JSON.parse(body) as { message: string }).message
}

/**
 * User data that is encrypted for h2. The controller deletes a HostSecret when its Server is built; there is no Server
 * `secret`, so this one stays.
 */
const USER_DATA = 'password: correct horse'

let thief: ApiClient
let ended: ServerAction
let before: Server
beforeAll(async () => {
  for (const host of ['h1', 'h2']) {
    const spec = { availabilityZone: `zone-${host}`, hosts: [host] }
    await user().apply({ kind: 'HostAggregate', metadata: { name: `zone-${host}` }, spec })
  }
  await user().createServer('mine', { availabilityZone: 'zone-h1' })
  await user().createServer('theirs', { availabilityZone: 'zone-h2' })
  await user().createServer('homeless', { availabilityZone: 'nowhere' })
  await user().waitUntilReady('mine')
  await user().waitUntilReady('theirs')
  ended = await user().runAction('theirs', 'reboot', { type: 'HARD' })
  const rejectedSpec = { server: 'theirs', action: 'start', start: {} }
  await user().waitForAction(
    await user().apply({ kind: 'ServerAction', metadata: { name: 'refused' }, spec: rejectedSpec }),
  )
  before = await user().waitUntilReady('theirs')
  const { sealingKey = '' } = (await user().get<Hypervisor>('hypervisor', 'h2')).status ?? {}
  const sealed = await sealUserData(Buffer.from(USER_DATA), sealingKey, { server: 'uid-secret' })
  await user().apply({ kind: 'HostSecret', metadata: { name: 'secret' }, spec: { host: 'h2', sealingKey, sealed } })
  thief = createApiClient(user().cloud.kubeconfigOf('agent-h1'))
})

describe('with the token of the agent of h1', () => {
  it.each(rejectedAttempts)('a thief cannot %s', async (_, attempt, sentence) => {
    expect(await rejectionOf(attempt(thief))).toContain(sentence)
  })

  it('a thief cannot change the action record of another agent', async () => {
    const forged = mergePatch(actionPath(ended.metadata.name), { status: { phase: 'Failed', host: 'h1' } })
    expect(await rejectionOf(forged(thief))).toContain(ownActions)
  })

  it('a thief cannot read user data on its way to another host, even with the private key of h1', async () => {
    const text = await thief.text(hostSecretPath('secret'))
    for (const plain of [USER_DATA, Buffer.from(USER_DATA).toString('base64')]) expect(text).not.toContain(plain)
    const { sealed } = (JSON.parse(text) as HostSecret).spec
    const openWithKeyOf = (host: string) => {
      const file = join(user().cloud.host(host).home, 'var/lib/kubenova/sealing-key.pem')
      return openSealedUserData(sealed, createPrivateKey(readFileSync(file)), { server: 'uid-secret' })
    }
    expect(await openWithKeyOf('h1')).toBeUndefined()
    expect(Buffer.from((await openWithKeyOf('h2')) ?? '').toString()).toBe(USER_DATA)
  })

  const dry = '?dryRun=All'
  it.each<[what: string, attempt: Attempt]>([
    ['write the status of its own Server', mergePatch(serverStatusPath('mine') + dry, powered)],
    [
      'write the status of its own host',
      mergePatch(`${hypervisorPath('h1')}/status${dry}`, { status: { arch: 'aarch64' } }),
    ],
    ['renew its own Lease', mergePatch(leasePath('h1') + dry, makeLease('h1'))],
    ['create an action record', postObject(`${namespacePath}/serveractions${dry}`, makeActionRecord('mine', 'h1'))],
    ['create an Event', postObject(eventsPath + dry, makeEvent('h1'))],
  ])('the agent itself can %s', async (_, attempt) => {
    expect(await rejectionOf(attempt(thief))).toBe('it was allowed')
  })
})

it.each<[what: string, attempt: Attempt]>([
  ['Server', mergePatch(serverStatusPath('mine'), powered)],
  ['Hypervisor', forceApply(hypervisorPath('h9'), makeObject('Hypervisor', 'h9', { spec: {} }))],
  ['Lease', forceApply(leasePath('h9'), makeLease('h9'))],
  ['ServerAction', postObject(`${namespacePath}/serveractions`, makeActionRecord('mine', 'h1'))],
  ['Event', postObject(eventsPath, makeEvent('h1'))],
])('a token of the agents’ account without a Node cannot write a %s', async (_, attempt) => {
  const api = createApiClient(await user().cloud.plane.serviceAccount(systemNamespace, 'kubenova-agent'))
  expect(await rejectionOf(attempt(api))).toContain(noNode)
  await api.close()
})

it.each<[what: string, attempt: Attempt, sentence: string]>([
  [
    'write a spec',
    mergePatch(serverPath('mine'), { spec: { powerState: 'Stopped' } }),
    'the controller writes no spec',
  ],
  ['renew the Lease of an agent', forceApply(leasePath('h1'), makeLease('h1')), 'cannot patch resource "leases"'],
  ['list Secrets', getText('/api/v1/secrets'), 'cannot list resource "secrets"'],
  ['watch Secrets', getText('/api/v1/secrets?watch=true'), 'cannot watch resource "secrets"'],
  ['delete a Secret', deleteObject('/api/v1/namespaces/default/secrets/any'), 'cannot delete resource "secrets"'],
  ['create a Secret', postObject('/api/v1/namespaces/default/secrets', {}), 'cannot create resource "secrets"'],
  [
    'change a HostSecret',
    mergePatch(hostSecretPath('secret'), { spec: { host: 'h1' } }),
    'cannot patch resource "hostsecrets"',
  ],
  ['list the Secrets of a namespace', getText('/api/v1/namespaces/default/secrets'), 'cannot list resource "secrets"'],
  ['delete a Server', deleteObject(serverPath('mine')), 'cannot delete resource "servers"'],
])('the controller cannot %s', async (_, attempt, sentence) => {
  const api = createApiClient(user().cloud.kubeconfigOf('controller'))
  expect(await rejectionOf(attempt(api))).toContain(sentence)
  await api.close()
})

it('the controller can read a Secret by name', async () => {
  const { plane } = user().cloud
  const api = createApiClient(user().cloud.kubeconfigOf('controller'))
  await plane.api.send('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: 'web-password' } })
  expect(await rejectionOf(api.text('/api/v1/namespaces/default/secrets/web-password'))).toBe('it was allowed')
  await api.close()
})

it('the API server rejects a token whose Node was deleted', async () => {
  const { plane } = user().cloud
  const node = await plane.api.send<Server>('POST', '/api/v1/nodes', { metadata: { name: 'h9' } })
  const { uid = '' } = node.metadata
  const api = createApiClient(await plane.serviceAccount(systemNamespace, 'kubenova-agent', { name: 'h9', uid }))
  await api.send('GET', `${groupPath}/servers`)
  await plane.api.send('DELETE', '/api/v1/nodes/h9')
  const isRejected = async () => (await rejectionOf(api.send('GET', `${groupPath}/servers`))).includes(': 401 ')
  expect(await waitUntil(isRejected, { what: 'the token to be rejected', every: 200 })).toBe(true)
  await api.close()
})

it('the attempts have changed no Server, and the Servers can be deleted', async () => {
  const { metadata, spec, status } = await user().get('server', 'theirs')
  const kept = ({ labels, annotations, finalizers, uid }: Server['metadata']) => ({
    labels,
    annotations,
    finalizers,
    uid,
  })
  expect(kept(metadata)).toEqual(kept(before.metadata))
  expect([spec, status]).toEqual([before.spec, before.status])
  await user().waitUntilReady('mine')
  await user().kubectl('delete', 'server', 'mine', 'theirs', 'homeless', '--wait', '--timeout=60s')
})

it('no request of the controller and the agents was rejected', () => {
  const requests = user()
    .cloud.plane.audit()
    .filter(({ userAgent = '' }) => userAgent.startsWith('kubenova-'))
  const accounts = new Set(requests.map(({ user: { username } }) => username))
  expect([...accounts].toSorted()).toEqual(
    ['kubenova-agent', 'kubenova-controller'].map((name) => `system:serviceaccount:${systemNamespace}:${name}`),
  )
  const rejected = requests.filter(({ responseStatus }) => [401, 403].includes(responseStatus?.code ?? 0))
  expect(rejected.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([])
})
