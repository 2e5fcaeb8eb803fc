import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Flavor } from '../../../crds/index.ts'
import { type Namespace, namespaces, type Secret } from '../../../kube/builtin-kinds.ts'
import { requestToken, startTwoUsers, type TwoUsers } from '../../identity/testing.ts'
import { flavors, servers } from '../../state/stores.ts'

let users: TwoUsers
let shim: TwoUsers['shim']
let tokens: TwoUsers['tokens']

beforeAll(async () => {
  users = await startTwoUsers('manager')
  ;({ shim, tokens } = users)
})
afterAll(() => users[Symbol.asyncDispose]())

interface Project {
  id: string
  name: string
}
type Body = { project: Project; projects: Project[]; error: { message: string } }
const ask = (method: string, path: string, body?: object, as: keyof typeof tokens = 'root') =>
  shim.ask<Body>(method, `/identity/v3${path}`, { as: tokens[as], ...(body === undefined ? {} : { body }) })

async function createProject(name: string, more: object = {}): Promise<Project> {
  const { status, body } = await ask('POST', '/projects', { project: { name, ...more } })
  expect([status, body.error?.message]).toEqual([201, undefined])
  return body.project
}
const namespaceOf = ({ id }: Project): Namespace | undefined =>
  shim.api.list<Namespace>('namespaces').find(({ metadata }) => metadata.uid?.replaceAll('-', '') === id)
const privateFlavor = (access: readonly string[]): object => ({
  metadata: { name: 'small' },
  spec: { vcpus: 1, ram: 512, disk: 1, isPublic: false, access },
})
const credentials = (): object =>
  (shim.api.find('secrets', 'kubenova-system/kubenova-application-credentials') as Secret | undefined)?.data ?? {}

beforeEach(async () => {
  for (const { metadata } of shim.api.list<Namespace>('namespaces'))
    if (metadata.labels?.['compute.kubenova.io/managed-by']) await shim.api.resource(namespaces).delete(metadata)
})

describe('POST /projects', () => {
  it('creates a namespace with the name of the project', async () => {
    const { status, body } = await ask('POST', '/projects', {
      project: { name: 'team-a', description: 'Team A', domain_id: 'default', enabled: true, tags: ['blue'] },
    })
    expect(status).toBe(201)
    const { id } = body.project
    expect(body.project).toEqual({
      id,
      name: 'team-a',
      description: 'Team A',
      domain_id: 'default',
      parent_id: 'default',
      enabled: true,
      is_domain: false,
      options: {},
      tags: ['blue'],
      links: { self: `http://localhost:80/identity/v3/projects/${id}` },
    })
    expect(namespaceOf(body.project)?.metadata).toMatchObject({
      name: 'team-a',
      labels: { 'compute.kubenova.io/managed-by': 'identity-api' },
      annotations: {
        'compute.kubenova.io/description': 'Team A',
        'compute.kubenova.io/project-tags': '["blue"]',
      },
    })
    expect((await ask('GET', `/projects/${id}`)).body).toEqual(body)
  })

  it('keeps a name that cannot be the name of a namespace', async () => {
    const project = await createProject('tempest-ServersTest-1')
    expect(project.name).toBe('tempest-ServersTest-1')
    expect(namespaceOf(project)?.metadata.name).toBe('tempest-serverstest-1-7c07e60289')
    expect((await ask('GET', '/projects?name=tempest-ServersTest-1')).body.projects).toMatchObject([{ id: project.id }])
    const member = { project: { name: 'tempest-ServersTest-1' } }
    expect((await ask('POST', '/projects', member)).status).toBe(409)
  })

  it('lets users log in to a project by its name and by its ID', async () => {
    await createProject('Team B')
    expect(await requestToken(shim, 'root', 'pw', 'Team B')).toBeDefined()
    expect(await requestToken(shim, 'alice', 'pw', 'Team B')).toBeUndefined()
  })

  it.each<[string, object, number, string]>([
    [
      'the name of another project',
      { name: 'taken' },
      409,
      'Conflict occurred attempting to store project - it is not permitted to have two projects with either the same name or same id in the same domain: name is taken, project id ',
    ],
    ['the name of a namespace', { name: 'mine' }, 409, 'Conflict occurred attempting to store project'],
    ['a name of the cluster', { name: 'kube-foo' }, 400, 'The name kube-foo is reserved for namespaces of the cluster'],
    ['a name of the cluster in capitals', { name: 'Kubenova-X' }, 400, 'The name Kubenova-X is reserved'],
    ['an empty name', { name: '' }, 400, "Invalid input for field 'project/name': '' should be non-empty"],
    ['half of a character', { name: 'x\ud800' }, 400, 'The name has one half of a character that has two.'],
    ['a blank name', { name: ' ' }, 400, "Invalid input for field 'project/name': ' ' does not match"],
    ['no name', {}, 400, "Invalid input for field 'project': 'name' is a required property"],
    ['another domain', { name: 'x', domain_id: 'other' }, 400, 'Could not find domain: other.'],
    ['a domain', { name: 'x', is_domain: true }, 400, 'Multiple domains are not supported'],
    ['a parent', { name: 'x', parent_id: 'abc' }, 400, 'Projects below other projects are not supported'],
    ['an option', { name: 'x', options: { immutable: true } }, 400, 'Additional properties are not allowed'],
  ])('refuses %s', async (_, project, status, message) => {
    await createProject('taken')
    const { body, status: actual } = await ask('POST', '/projects', { project })
    expect([actual, body.error.message]).toEqual([status, expect.stringContaining(message)])
  })

  it('says that the namespace of a deleted project is not gone yet', async () => {
    const project = await createProject('slow')
    const ref = { name: 'slow' }
    await shim.api.resource(namespaces).patch(ref, { metadata: { finalizers: ['example.com/wait'] } })
    expect((await ask('DELETE', `/projects/${project.id}`)).status).toBe(204)
    const { status, body } = await ask('POST', '/projects', { project: { name: 'slow' } })
    expect([status, body.error.message]).toEqual([
      409,
      'The namespace of the deleted project slow is not gone yet: try again in a minute.',
    ])
    await shim.api.resource(namespaces).patch(ref, { metadata: { finalizers: null } })
  })
})

describe('PATCH /projects/{id}', () => {
  it('changes only the properties in the request', async () => {
    const { id } = await createProject('team-a', { description: 'old', tags: ['blue'], costCentre: 1, id: 'x' })
    const change = async (project: object) => (await ask('PATCH', `/projects/${id}`, { project })).body.project
    expect(await change({ description: 'new', owner: 'A' })).toMatchObject({
      id,
      description: 'new',
      enabled: true,
      tags: ['blue'],
      costCentre: 1,
      owner: 'A',
    })
    expect(await change({ enabled: false, name: 'team-a' })).toMatchObject({ description: 'new', enabled: false })
    expect(await change({ enabled: true, tags: [], description: null })).toMatchObject({
      description: '',
      enabled: true,
      tags: [],
    })
    expect(namespaceOf({ id, name: '' })?.metadata.annotations ?? {}).toEqual({
      'compute.kubenova.io/project-extra': '{"costCentre":1,"owner":"A"}',
    })
  })

  it('loses no property that another replica has written meanwhile', async () => {
    const { id } = await createProject('team-a')
    shim.api.pauseWatches()
    try {
      const annotations = { 'compute.kubenova.io/project-extra': '{"owner":"A"}' }
      await shim.api.resource(namespaces).patch({ name: 'team-a' }, { metadata: { annotations } })
      setTimeout(() => shim.api.resumeWatches(), 50)
      expect((await ask('PATCH', `/projects/${id}`, { project: { costCentre: 1 } })).body.project).toMatchObject({
        owner: 'A',
        costCentre: 1,
      })
    } finally {
      shim.api.resumeWatches()
    }
  })

  it('refuses properties that are too long together with those that the project has', async () => {
    const { id } = await createProject('team-a', { note: '1'.repeat(3000) })
    const { status, body } = await ask('PATCH', `/projects/${id}`, { project: { other: '2'.repeat(3000) } })
    expect([status, body.error.message]).toEqual([400, 'The further properties have more than 4096 characters.'])
  })

  it('refuses another name, and the namespaces of operators', async () => {
    const { id } = await createProject('team-a')
    const renamed = await ask('PATCH', `/projects/${id}`, { project: { name: 'team-b' } })
    expect([renamed.status, renamed.body.error.message]).toEqual([
      403,
      'The name of a project is that of a namespace, and cannot change.',
    ])
    const mine = shim.callerOf('member')?.project?.id ?? ''
    const foreign = await ask('PATCH', `/projects/${mine}`, { project: { description: 'x' } })
    expect([foreign.status, foreign.body.error.message]).toEqual([
      403,
      'The project mine is a namespace that was not made through this API: change or delete it with kubectl.',
    ])
    expect((await ask('PATCH', '/projects/nosuch', { project: {} })).body.error.message).toBe(
      'Could not find project: nosuch.',
    )
  })

  it('ends the tokens of a project that is disabled', async () => {
    const { id } = await createProject('closing')
    const token = (await requestToken(shim, 'root', 'pw', 'closing')) ?? ''
    const statusOf = async (): Promise<number> => (await shim.ask('GET', '/compute/v2.1/flavors', { as: token })).status
    expect(await statusOf()).toBe(200)
    await ask('PATCH', `/projects/${id}`, { project: { enabled: false } })
    expect(await statusOf()).toBe(401)
    expect(await requestToken(shim, 'root', 'pw', 'closing')).toBeUndefined()
  })
})

describe('DELETE /projects/{id}', () => {
  it('deletes the namespace, and ends the tokens', async () => {
    const project = await createProject('team-a')
    const token = (await requestToken(shim, 'root', 'pw', 'team-a')) ?? ''
    expect((await ask('DELETE', `/projects/${project.id}`)).status).toBe(204)
    expect(namespaceOf(project)).toBeUndefined()
    expect((await shim.ask('GET', '/compute/v2.1/flavors', { as: token })).status).toBe(401)
    expect((await ask('DELETE', `/projects/${project.id}`)).status).toBe(404)
  })

  it('refuses a project that has servers', async () => {
    const project = await createProject('team-a')
    const spec = { flavor: 'tiny', image: { name: 'guest' } }
    await shim.seed(servers.kind, { metadata: { name: 'web', namespace: 'team-a' }, spec })
    const { status, body } = await ask('DELETE', `/projects/${project.id}`)
    expect([status, body.error.message]).toEqual([
      409,
      'The project team-a still has servers (1), whose disks would be deleted with it: delete the servers first.',
    ])
    expect(namespaceOf(project)).toBeDefined()
    await shim.api.resource(servers.kind).delete({ name: 'web', namespace: 'team-a' })
    expect((await ask('DELETE', `/projects/${project.id}`)).status).toBe(204)
  })

  it.each([
    ['the change of a flavor', 'patch flavors/small'],
    ['the deletion of application credentials', 'patch secrets/'],
    ['the deletion of the role of an administrator', 'delete clusterrolebindings/'],
    ['the deletion of the namespace', 'delete namespaces/'],
  ])('can be repeated when %s fails', async (_, call) => {
    const project = await createProject('team-a')
    await shim.seed(flavors.kind, privateFlavor(['mine', 'team-a']))
    const { body: made } = await ask('POST', '/users', { user: { name: `u-${project.id}`, password: 'pw' } })
    const user = (made as unknown as { user: Project }).user
    expect((await ask('PUT', `/projects/${project.id}/users/${user.id}/roles/admin`)).status).toBe(204)
    const token = (await requestToken(shim, user.name, 'pw', 'team-a')) ?? ''
    const path = `/identity/v3/users/${user.id}/application_credentials`
    await shim.ask('POST', path, { as: token, body: { application_credential: { name: 'ci' } } })
    shim.life.fail(call, new Error('the connection is lost'))
    expect((await ask('DELETE', `/projects/${project.id}`)).status).toBe(500)
    expect((await ask('DELETE', `/projects/${project.id}`)).status).toBe(204)
    expect(namespaceOf(project)).toBeUndefined()
    expect(
      shim.api.list('clusterrolebindings').filter((binding) => JSON.stringify(binding).includes(project.id)),
    ).toEqual([])
    expect(credentials()).toEqual({})
    expect(shim.api.list<Flavor>('flavors').map(({ spec }) => spec.access)).toEqual([['mine']])
    await shim.api.resource(flavors.kind).delete({ name: 'small' })
  })

  it('gives a new project with the same name neither queued images nor private flavors of the old one', async () => {
    const old = await createProject('team-a')
    await shim.seed(flavors.kind, privateFlavor(['team-a']))
    const answers = async (): Promise<unknown[]> => {
      const as = (await requestToken(shim, 'root', 'pw', 'team-a')) ?? ''
      const images = await shim.ask<{ images: object[] }>('GET', '/image/v2/images', { as })
      const path = '/compute/v2.1/flavors/small/os-flavor-access'
      const access = await shim.ask<{ flavor_access: object[] }>('GET', path, { as })
      return [images.body.images.length, access.body.flavor_access.length]
    }
    const as = (await requestToken(shim, 'root', 'pw', 'team-a')) ?? ''
    expect((await shim.ask('POST', '/image/v2/images', { as, body: { name: 'disk' } })).status).toBe(201)
    expect(await answers()).toEqual([1, 1])
    expect((await ask('DELETE', `/projects/${old.id}`)).status).toBe(204)
    const { id } = await createProject('team-a')
    expect(id).not.toBe(old.id)
    expect(await answers()).toEqual([0, 0])
    await shim.api.resource(flavors.kind).delete({ name: 'small' })
  })

  it('changes nothing when clients may not delete namespaces', async () => {
    const project = await createProject('team-a')
    await shim.seed(flavors.kind, privateFlavor(['team-a']))
    vi.spyOn(shim.services.state.access, 'isAllowed').mockImplementation(async (_, { verb }) => verb !== 'delete')
    const { status, body } = await ask('DELETE', `/projects/${project.id}`)
    vi.restoreAllMocks()
    expect([status, body.error.message]).toEqual([
      403,
      'This cloud does not let clients delete namespaces: ask an operator.',
    ])
    expect(shim.api.list<Flavor>('flavors').map(({ spec }) => spec.access)).toEqual([['team-a']])
    await shim.api.resource(flavors.kind).delete({ name: 'small' })
  })

  it('refuses the namespaces of operators', async () => {
    const { status } = await ask('DELETE', `/projects/${shim.callerOf('member')?.project?.id}`)
    expect(status).toBe(403)
  })
})

it('gives the group of administrators to no other caller, whatever the policy of a route', async () => {
  const caller = shim.callerOf('manager')
  const create = async () => caller && shim.services.identity?.administration.createProject(caller, { name: 'x' })
  await expect(create()).rejects.toMatchObject({ status: 403 })
})

it('lets only administrators create, change and delete projects', async () => {
  const { id } = await createProject('team-a')
  for (const [method, path, body, rule] of [
    ['POST', '/projects', { project: { name: 'x' } }, 'identity:create_project'],
    ['PATCH', `/projects/${id}`, { project: { description: 'x' } }, 'identity:update_project'],
    ['DELETE', `/projects/${id}`, undefined, 'identity:delete_project'],
  ] as const) {
    const answer = await ask(method, path, body, 'alice')
    expect([answer.status, answer.body.error.message]).toEqual([
      403,
      `You are not authorized to perform the requested action: ${rule}.`,
    ])
  }
})
