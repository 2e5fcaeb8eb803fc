import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeyPair } from '../../../crds/index.ts'
import { type ClusterRoleBinding, clusterRoleBindings, type RoleBinding } from '../../../kube/builtin-kinds.ts'
import { userIdOf } from '../../identity/embedded/users.ts'
import { requestToken, startTwoUsers, type TwoUsers } from '../../identity/testing.ts'

const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqD6dpMKYUcEkO5bM1vkHjmIzkXrN3tQYqZ2Jb3LhQd test'
let users: TwoUsers
let shim: TwoUsers['shim']
let tokens: TwoUsers['tokens']
/** IDs. `mine` was not made through the API. */
let ids: Record<'team' | 'other' | 'mine' | 'anna' | 'alice', string>

beforeAll(async () => {
  users = await startTwoUsers('manager')
  ;({ shim, tokens } = users)
  const create = async (plural: string, singular: string, object: object): Promise<string> => {
    const { body } = await ask('POST', `/${plural}`, { [singular]: object })
    return (body as unknown as Record<string, { id: string }>)[singular]?.id ?? ''
  }
  ids = {
    team: await create('projects', 'project', { name: 'team' }),
    other: await create('projects', 'project', { name: 'Other Team' }),
    mine: shim.callerOf('member')?.project?.id ?? '',
    anna: await create('users', 'user', { name: 'anna', password: 'pw' }),
    alice: userIdOf('alice'),
  }
})
afterAll(() => users[Symbol.asyncDispose]())

interface Body {
  error: { message: string }
  role_assignments: { role: { id: string }; scope: { project: { id: string } } }[]
  token: { roles: { name: string }[] }
}
const ask = (method: string, path: string, body?: object, as: keyof typeof tokens = 'root') =>
  shim.ask<Body>(method, `/identity/v3${path}`, { as: tokens[as], ...(body === undefined ? {} : { body }) })
const pathOf = (project: keyof typeof ids, user: keyof typeof ids, role: string): string =>
  `/projects/${ids[project]}/users/${ids[user]}/roles/${role}`
const put = async (...grant: Parameters<typeof pathOf>): Promise<number> => (await ask('PUT', pathOf(...grant))).status
const remove = async (...grant: Parameters<typeof pathOf>): Promise<number> =>
  (await ask('DELETE', pathOf(...grant))).status
const assignmentsOf = async (user: keyof typeof ids): Promise<string[]> => {
  const { body } = await ask('GET', `/role_assignments?user.id=${ids[user]}`)
  const nameOf = (id: string): string => Object.entries(ids).find(([, value]) => value === id)?.[0] ?? id
  return body.role_assignments.map(({ role, scope }) => `${role.id} in ${nameOf(scope.project.id)}`).toSorted()
}

describe('PUT and DELETE of a role', () => {
  it('bind the role in the namespace of the project, and remove the binding', async () => {
    expect(await requestToken(shim, 'anna', 'pw', 'team')).toBeUndefined()
    expect([await put('team', 'anna', 'member'), await put('team', 'anna', 'member')]).toEqual([204, 204])
    const [binding, ...others] = shim.api.list<RoleBinding>('rolebindings', 'team')
    expect(others).toEqual([])
    expect(binding).toMatchObject({
      metadata: { labels: { 'compute.kubenova.io/managed-by': 'identity-api' } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'kubenova-member' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: `kubenova:user:anna:${ids.anna}` }],
    })
    expect(await assignmentsOf('anna')).toEqual(['member in team'])
    expect((await ask('HEAD', pathOf('team', 'anna', 'member'))).status).toBe(204)
    const token = await requestToken(shim, 'anna', 'pw', 'team')
    expect((await shim.ask('GET', '/compute/v2.1/flavors', { as: token ?? '' })).status).toBe(200)

    expect(await remove('team', 'anna', 'member')).toBe(204)
    expect(shim.api.list('rolebindings', 'team')).toEqual([])
    expect((await shim.ask('GET', '/compute/v2.1/flavors', { as: token ?? '' })).status).toBe(401)
    const again = await ask('DELETE', pathOf('team', 'anna', 'member'))
    expect([again.status, again.body.error.message]).toEqual([
      404,
      `Could not find role assignment with role: member, user or group: ${ids.anna}, project, domain, or system: ${ids.team}.`,
    ])
  })

  it('make a user an administrator in one project only', async () => {
    expect(await put('team', 'anna', 'admin')).toBe(204)
    expect(await put('other', 'anna', 'reader')).toBe(204)
    expect(await assignmentsOf('anna')).toEqual(['admin in team', 'reader in other'])
    const rolesIn = async (project: string): Promise<string[]> => {
      const token = (await requestToken(shim, 'anna', 'pw', project)) ?? ''
      const { body } = await shim.ask<Body>('GET', '/identity/v3/auth/tokens', {
        as: token,
        headers: { 'x-subject-token': token },
      })
      return body.token.roles.map(({ name }) => name)
    }
    expect(await rolesIn('team')).toEqual(['admin', 'manager', 'member', 'reader'])
    expect(await rolesIn('Other Team')).toEqual(['reader'])
    expect(await requestToken(shim, 'anna', 'pw', 'mine')).toBeUndefined()
    expect(await remove('team', 'anna', 'admin')).toBe(204)
    expect(await assignmentsOf('anna')).toEqual(['reader in other'])
    expect(await remove('other', 'anna', 'reader')).toBe(204)
  })

  it('give users of the operator roles in projects, but not that of an administrator', async () => {
    expect(await put('team', 'alice', 'member')).toBe(204)
    expect(await assignmentsOf('alice')).toEqual(['manager in mine', 'member in team'])
    const { status, body } = await ask('PUT', pathOf('team', 'alice', 'admin'))
    expect([status, body.error.message]).toEqual([
      403,
      'The user alice stands in the Secret kubenova-users: make it an administrator with kubectl.',
    ])
    expect(await remove('team', 'alice', 'member')).toBe(204)
  })

  it('leave the namespaces and bindings of the operator alone', async () => {
    const given = await ask('PUT', pathOf('mine', 'anna', 'member'))
    expect([given.status, given.body.error.message]).toEqual([
      403,
      'The project mine is a namespace that was not made through this API: bind roles there with kubectl.',
    ])
    const revoked = await ask('DELETE', pathOf('mine', 'alice', 'manager'))
    expect([revoked.status, revoked.body.error.message]).toEqual([
      403,
      'A role binding that was not made through this API gives alice the role manager: delete it with kubectl.',
    ])
  })

  it('answer 404 for an unknown role, user or project', async () => {
    const messageOf = async (path: string): Promise<[number, string]> => {
      const { status, body } = await ask('PUT', path)
      return [status, body.error.message]
    }
    expect(await messageOf(pathOf('team', 'anna', 'boss'))).toEqual([404, 'Could not find role: boss.'])
    expect(await messageOf(`/projects/${ids.team}/users/x/roles/member`)).toEqual([404, 'Could not find user: x.'])
    expect(await messageOf(`/projects/x/users/${ids.anna}/roles/member`)).toEqual([404, 'Could not find project: x.'])
  })

  it('need the role of an administrator', async () => {
    for (const method of ['PUT', 'DELETE'])
      expect((await ask(method, pathOf('team', 'anna', 'member'), undefined, 'alice')).status).toBe(403)
  })
})

it('a key pair for another user is created in the namespace of a project of that user', async () => {
  expect(await put('other', 'anna', 'member')).toBe(204)
  const { status } = await shim.ask('POST', '/compute/v2.1/os-keypairs', {
    as: tokens.root,
    version: '2.10',
    body: { keypair: { name: 'k', user_id: ids.anna, public_key: PUBLIC_KEY } },
  })
  expect(status).toBe(201)
  const [keyPair] = shim.api.list<KeyPair>('keypairs')
  expect(keyPair?.metadata.namespace).toMatch(/^other-team-[0-9a-f]{10}$/)
})

it('the deletion of a project removes its administrators', async () => {
  const { body } = await ask('POST', '/projects', { project: { name: 'short' } })
  const { id } = (body as unknown as { project: { id: string } }).project
  expect((await ask('PUT', `/projects/${id}/users/${ids.anna}/roles/admin`)).status).toBe(204)
  const before = shim.api.list<ClusterRoleBinding>(clusterRoleBindings.plural)
  expect((await ask('DELETE', `/projects/${id}`)).status).toBe(204)
  const after = shim.api.list<ClusterRoleBinding>(clusterRoleBindings.plural)
  expect(before.length - after.length).toBe(1)
  expect(after.map(({ metadata }) => metadata.name)).toEqual(['role-1'])
})
