// Tries writes as an administrator of the identity API: which ones succeed, and which ones the admission policies and
// RBAC refuse.
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { root } from '../test/manifests.ts'
import { type ApiClient, createApiClient } from '../test/rig/api.ts'
import { applyAccessManifests, applyManifests } from '../test/rig/crds.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'

const plane = withControlPlane({ users: [{ name: 'cloud-admin', groups: ['kubenova:identity-admins'] }] })
let admin: ApiClient

const MANAGED = { 'compute.kubenova.io/managed-by': 'identity-api' }
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const namespaces = '/api/v1/namespaces'
const users = `${namespaces}/kubenova-system/secrets/kubenova-created-users`
const ID = '0123456789abcdef0123456789abcdef'
const CREATED_USER = `kubenova:user:anna:${ID}`
const MERGE = 'application/merge-patch+json'

const project = (name: string): object => ({ metadata: { name, labels: MANAGED } })
const binding = (role: string, user = CREATED_USER, more: object = {}): object => ({
  metadata: { name: 'role', labels: MANAGED },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  ...more,
})
const group = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }
const bindingsIn = (namespace: string): string => `${RBAC}/namespaces/${namespace}/rolebindings`

const escalation = /attempting to grant RBAC permissions not currently held/

type Method = 'POST' | 'PATCH' | 'DELETE'

/** Nothing is stored. */
const attempt = (method: Method, path: string, body?: object): Promise<string> =>
  admin.send(method, `${path}?dryRun=All`, body, method === 'PATCH' ? MERGE : undefined).then(
    () => 'done',
    (error: unknown) => String(error),
  )

beforeAll(async () => {
  const { api } = plane()
  await applyManifests(api, join(root, 'crds/manifests'))
  await applyAccessManifests(api, join(root, 'crds/access'))
  admin = createApiClient(plane().kubeconfigOf('cloud-admin'))
  await api.send('POST', namespaces, project('team'))
  await api.send('POST', namespaces, { metadata: { name: 'plain' } })
  for (const namespace of ['team', 'plain']) {
    await api.send(
      'POST',
      bindingsIn(namespace),
      binding('kubenova-member', undefined, { metadata: { name: 'plain' } }),
    )
    await api.send('POST', bindingsIn(namespace), binding('kubenova-member'))
  }
  await api.send('POST', `${RBAC}/clusterrolebindings`, binding('kubenova-admin'))
  await api.send('POST', `${RBAC}/clusterroles`, { metadata: { name: 'harmless' }, rules: [] })
  await api.send('POST', `${RBAC}/namespaces/team/roles`, { metadata: { name: 'kubenova-member' }, rules: [] })
  const secret = { metadata: { name: 'kubenova-created-users' }, type: 'compute.kubenova.io/created-users' }
  await api.send('POST', `${namespaces}/kubenova-system/secrets`, secret)
  await waitUntil(async () => (await attempt('DELETE', `${namespaces}/plain`)).includes('denied request'), {
    what: 'the policies to take effect',
    deadline: 60_000,
    every: 200,
  })
})

describe('an administrator of the identity API', () => {
  it.each<[string, Method, string, object?]>([
    ['create a project', 'POST', namespaces, project('new')],
    [
      'disable a project',
      'PATCH',
      `${namespaces}/team`,
      { metadata: { annotations: { 'compute.kubenova.io/project-enabled': 'false' } } },
    ],
    ['delete a project', 'DELETE', `${namespaces}/team`],
    ['give the role of a member', 'POST', bindingsIn('team'), binding('kubenova-member', 'demo')],
    ['give the role of a service', 'POST', bindingsIn('team'), binding('kubenova-service')],
    ['give the role of an administrator', 'POST', `${RBAC}/clusterrolebindings`, binding('kubenova-admin')],
    ['take a role away', 'DELETE', `${bindingsIn('team')}/role`],
    ['take the role of an administrator away', 'DELETE', `${RBAC}/clusterrolebindings/role`],
    ['create a user', 'PATCH', users, { data: { [ID]: 'e30=' } }],
  ])('can %s', async (_, method, path, body) => {
    // The names of bindings are in use: their check comes after the policies.
    expect(await attempt(method, path, body)).toMatch(/^done$|already exists/)
  })

  it.each<[string, Method, string, RegExp, object?]>([
    ['create a namespace without the label', 'POST', namespaces, /has the label/, { metadata: { name: 'new' } }],
    ['create kube-new', 'POST', namespaces, /begin with kube-/, project('kube-new')],
    ['create kubenova-new', 'POST', namespaces, /begin with kube-/, project('kubenova-new')],
    [
      'adopt kube-system',
      'PATCH',
      `${namespaces}/kube-system`,
      /kube-system was not/,
      { metadata: { labels: MANAGED } },
    ],
    ['delete kube-node-lease', 'DELETE', `${namespaces}/kube-node-lease`, /kube-node-lease was not made/],
    ['delete kubenova-system', 'DELETE', `${namespaces}/kubenova-system`, /kubenova-system was not made/],
    ['delete the namespace of others', 'DELETE', `${namespaces}/plain`, /plain was not made/],
    ['adopt a namespace', 'PATCH', `${namespaces}/plain`, /plain was not made/, { metadata: { labels: MANAGED } }],
    [
      'give a namespace away',
      'PATCH',
      `${namespaces}/team`,
      /has the label/,
      { metadata: { labels: { 'compute.kubenova.io/managed-by': null } } },
    ],
    [
      'finalize a namespace',
      'PATCH',
      `${namespaces}/team/finalize`,
      /cannot patch resource .*namespaces\/finalize/,
      {},
    ],
    [
      'bind a role in kube-system',
      'POST',
      bindingsIn('kube-system'),
      /kube-system was not made/,
      binding('kubenova-member'),
    ],
    [
      'bind a role in the namespace of others',
      'POST',
      bindingsIn('plain'),
      /plain was not made/,
      binding('kubenova-member'),
    ],
    ['bind cluster-admin in a project', 'POST', bindingsIn('team'), escalation, binding('cluster-admin')],
    ['bind cluster-admin in the cluster', 'POST', `${RBAC}/clusterrolebindings`, escalation, binding('cluster-admin')],
    ['bind a role without rights', 'POST', bindingsIn('team'), /binds kubenova-reader/, binding('harmless')],
    [
      'bind the role of a member in the cluster',
      'POST',
      `${RBAC}/clusterrolebindings`,
      /binds kubenova-reader/,
      binding('kubenova-member'),
    ],
    [
      'bind a Role, which has the name of a ClusterRole',
      'POST',
      bindingsIn('team'),
      /binds kubenova-reader/,
      binding('kubenova-member', undefined, {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'kubenova-member' },
      }),
    ],
    [
      'give a role to a group',
      'POST',
      bindingsIn('team'),
      /to one user/,
      binding('kubenova-member', '', { subjects: [group] }),
    ],
    [
      'give a role to a component',
      'POST',
      bindingsIn('team'),
      /to one user/,
      binding('kubenova-member', 'system:kube-scheduler'),
    ],
    [
      'give a role to nobody',
      'POST',
      bindingsIn('team'),
      /to one user/,
      binding('kubenova-member', '', { subjects: [] }),
    ],
    [
      'make another user of Kubernetes an administrator',
      'POST',
      `${RBAC}/clusterrolebindings`,
      /only to users that clients have created/,
      binding('kubenova-admin', 'jane'),
    ],
    [
      'create a binding without the label',
      'POST',
      bindingsIn('team'),
      /has the label/,
      binding('kubenova-member', undefined, { metadata: { name: 'role' } }),
    ],
    ['delete a binding of others', 'DELETE', `${bindingsIn('team')}/plain`, /the binding plain was not made/],
    [
      'delete a binding of the cluster',
      'DELETE',
      `${RBAC}/clusterrolebindings/cluster-admin`,
      /the binding cluster-admin was not made/,
    ],
    [
      'change a binding',
      'PATCH',
      `${bindingsIn('team')}/role`,
      /cannot patch resource .*rolebindings/,
      { subjects: [] },
    ],
    ['delete the users', 'DELETE', users, /cannot delete resource .*secrets/],
    [
      "write the operator's users",
      'PATCH',
      `${namespaces}/kubenova-system/secrets/kubenova-users`,
      /cannot patch resource .*secrets/,
      { data: {} },
    ],
    [
      'write the keys of tokens',
      'PATCH',
      `${namespaces}/kubenova-system/secrets/kubenova-token-keys`,
      /cannot patch resource .*secrets/,
      { data: {} },
    ],
    ['write a Secret elsewhere', 'POST', `${namespaces}/team/secrets`, /cannot create resource .*secrets/, {}],
  ])('cannot %s', async (_, method, path, message, body) => {
    expect(await attempt(method, path, body)).toMatch(message)
  })
})

it('the policies do not apply to other users', async () => {
  const { api } = plane()
  for (const path of [`${namespaces}/plain`, `${bindingsIn('team')}/plain`])
    await expect(api.send('DELETE', `${path}?dryRun=All`)).resolves.toBeDefined()
  await expect(api.send('POST', `${namespaces}?dryRun=All`, { metadata: { name: 'kube-new' } })).resolves.toBeDefined()
})
