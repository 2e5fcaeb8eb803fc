import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { userIdOf } from '../../identity/embedded/users.ts'
import { startTwoUsers, type TwoUsers } from '../../identity/testing.ts'

const ROOT = 'http://localhost:80/identity/v3'
let users: TwoUsers
let shim: TwoUsers['shim']
let tokens: TwoUsers['tokens']

beforeAll(async () => {
  users = await startTwoUsers('member')
  ;({ shim, tokens } = users)
})
afterAll(() => users[Symbol.asyncDispose]())

type Body = Record<string, { id: string; name: string; [key: string]: unknown }[]>
const ask = (method: string, path: string, as: keyof typeof tokens = 'alice', headers = {}) =>
  shim.ask<Body>(method, `/identity/v3${path}`, { as: tokens[as], headers })
const namesOf = async (plural: string, query = '', as: keyof typeof tokens = 'alice'): Promise<string[]> => {
  const { body } = await ask('GET', `/${plural}${query}`, as)
  return (body[plural] ?? []).map(({ name }) => name).toSorted()
}
const projectId = (): string => shim.callerOf('member')?.project?.id ?? ''

describe('tokens', () => {
  it('says whether a token is valid', async () => {
    const valid = await ask('HEAD', '/auth/tokens', 'alice', { 'x-subject-token': tokens.alice })
    expect([valid.status, valid.headers['x-subject-token'], valid.body]).toEqual([200, tokens.alice, ''])
    expect((await ask('HEAD', '/auth/tokens', 'alice', { 'x-subject-token': 'nosuch' })).status).toBe(404)
  })
})

describe('directories', () => {
  it('shows users their own project and administrators all', async () => {
    expect(await namesOf('projects')).toEqual(['mine'])
    expect(await namesOf('projects', '', 'root')).toEqual(['mine', 'other'])
    expect(await namesOf('projects', '?name=other', 'root')).toEqual(['other'])
    expect(await namesOf('projects', '?enabled=false', 'root')).toEqual([])
    expect(await namesOf('users')).toEqual(['alice'])
    expect(await namesOf('users', '?domain_id=default', 'root')).toEqual(['alice', 'root'])
    expect((await ask('GET', `/users/${userIdOf('root')}`)).status).toBe(404)
    expect(await namesOf('roles', '?name=member')).toEqual(['member'])
    expect(await namesOf('groups')).toEqual([])
  })

  it('lists the region, services and endpoints', async () => {
    expect((await ask('GET', '/regions')).body['regions']).toEqual([
      { id: 'RegionOne', description: '', parent_region_id: null, links: { self: `${ROOT}/regions/RegionOne` } },
    ])
    expect(await namesOf('services', '?type=image')).toEqual(['glance'])
    const { body } = await ask('GET', '/endpoints?service_id=network&interface=public')
    expect(body['endpoints']?.map(({ url }) => url)).toEqual(['http://localhost:80/network'])
    expect((await ask('GET', '/domains/default')).body['domain']).toMatchObject({ id: 'default', name: 'Default' })
  })

  it('lists the projects, groups and roles of a user', async () => {
    const id = userIdOf('alice')
    const { body } = await ask('GET', `/users/${id}/projects`)
    expect(body['projects']?.map(({ name }) => name)).toEqual(['mine'])
    expect((await ask('GET', `/users/${id}/groups`)).body['groups']).toEqual([])
    expect((await ask('GET', `/users/${userIdOf('root')}/projects`)).status).toBe(403)
    const path = `/projects/${projectId()}/users/${id}/roles`
    expect((await ask('GET', path)).body['roles']?.map(({ name }) => name)).toEqual(['member'])
    expect((await ask('HEAD', `${path}/member`)).status).toBe(204)
    expect((await ask('HEAD', `${path}/admin`)).status).toBe(404)
  })
})

describe('GET /role_assignments', () => {
  const pairsOf = async (query: string, as: keyof typeof tokens = 'root'): Promise<unknown[]> => {
    const answer = await shim.ask<{ role_assignments: { user: { id: string }; role: { id: string } }[] }>(
      'GET',
      `/identity/v3/role_assignments${query}`,
      { as: tokens[as] },
    )
    return answer.body.role_assignments.map(({ user, role }) => [
      user.id === userIdOf('alice') ? 'alice' : 'root',
      role.id,
    ])
  }

  it('filters by user, project and role', async () => {
    expect(await pairsOf('', 'alice')).toEqual([['alice', 'member']])
    expect(await pairsOf(`?user.id=${userIdOf('alice')}`)).toEqual([['alice', 'member']])
    expect(await pairsOf(`?scope.project.id=${projectId()}&role.id=admin`)).toEqual([['root', 'admin']])
    expect(await pairsOf('?scope.system=all')).toEqual([])
  })

  it('lists included roles and names if the query asks for them', async () => {
    expect(await pairsOf(`?effective&user.id=${userIdOf('alice')}`)).toEqual([
      ['alice', 'member'],
      ['alice', 'reader'],
    ])
    const { body } = await ask('GET', '/role_assignments?include_names=True')
    const domain = { id: 'default', name: 'Default' }
    expect(body['role_assignments']).toEqual([
      {
        scope: { project: { id: projectId(), name: 'mine', domain } },
        user: { id: userIdOf('alice'), name: 'alice', domain },
        role: { id: 'member', name: 'member' },
        links: { assignment: `${ROOT}/projects/${projectId()}/users/${userIdOf('alice')}/roles/member` },
      },
    ])
  })
})

describe('changes', () => {
  it.each([
    ['POST', '/groups', 'There are no groups of users: give the role to each user.'],
    ['DELETE', '/roles/admin', 'Roles are the ClusterRoles kubenova-…: clients cannot change them.'],
  ])('refuses %s %s and says why', async (method, path, message) => {
    const answer = await ask(method, path, 'root')
    expect(answer.body).toEqual({ error: { code: 403, title: 'Forbidden', message } })
  })
})
