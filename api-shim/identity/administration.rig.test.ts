// Administrators create projects, users and roles with an unmodified openstackclient, on a real API server.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Flavor } from '../../crds/index.ts'
import type { Namespace, RoleBinding } from '../../kube/builtin-kinds.ts'
import { applyAccessManifests, applyManifests } from '../../test/rig/crds.ts'
import { type InProcessShim, startShimInProcess } from '../../test/rig/in-process-shim.ts'
import { type OpenStackClients, openstackClients } from '../../test/rig/openstack-clients.ts'
import { applyShimUsers, writeClientFiles } from '../../test/rig/shim.ts'
import { withControlPlane } from '../../test/rig/vitest.ts'
import { waitUntil } from '../../test/rig/wait-until.ts'

const plane = withControlPlane({ audit: true, controllerManager: true })
const repository = join(import.meta.dirname, '../..')
const FLAVORS = '/apis/compute.kubenova.io/v1alpha1/flavors'
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const dir = `/tmp/kubenova-identity-${process.pid}`
let shim: InProcessShim
let member: OpenStackClients
let admin: OpenStackClients

beforeAll(async () => {
  mkdirSync(dir, { recursive: true })
  const { api } = plane()
  await applyManifests(api, join(repository, 'crds/manifests'))
  for (const folder of ['admission', 'access']) await applyAccessManifests(api, join(repository, 'crds', folder))
  const users = await applyShimUsers(api, dir, 'kubenova-system')
  shim = await startShimInProcess(plane())
  writeClientFiles(dir, await shim.listen(), users)
  member = await openstackClients(dir)
  admin = member.as('kubenova-admin')
})
afterAll(async () => {
  await shim?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

/** Options of a command that log in as another user. */
const loginAs = (name: string, password: string, project: string): string[] => [
  '--os-username',
  name,
  '--os-password',
  password,
  '--os-project-name',
  project,
]
const show = async (...words: string[]): Promise<Record<string, unknown>> => admin.openstackJson(...words)

describe('openstackclient', () => {
  it('creates, changes and deletes a project', async () => {
    const created = await show('project', 'create', '--description', 'Team A', '--tag', 'blue', 'Team A')
    expect(created).toMatchObject({
      name: 'Team A',
      description: 'Team A',
      enabled: true,
      is_domain: false,
      domain_id: 'default',
      tags: ['blue'],
    })
    await admin.openstack('project', 'set', '--description', 'changed', '--disable', 'Team A')
    expect(await show('project', 'create', '--or-show', 'Team A')).toMatchObject({
      id: created['id'],
      description: 'changed',
      enabled: false,
    })
    await expect(admin.openstack('project', 'create', 'Team A')).rejects.toThrow(/409.*same name/s)
    const flavor = ['--private', '--project', String(created['id']), '--ram', '64', '--disk', '1', '--vcpus', '1']
    await admin.openstack('flavor', 'create', ...flavor, 'team-a-only')
    expect(await show('flavor', 'show', 'team-a-only')).toMatchObject({ access_project_ids: [created['id']] })
    await admin.openstack('project', 'delete', 'Team A')
    expect(await show('flavor', 'show', 'team-a-only')).toMatchObject({ access_project_ids: [] })
    const { items } = await plane().api.send<{ items: Flavor[] }>('GET', FLAVORS)
    expect(items.map(({ spec }) => spec.access)).toEqual([[]])
    const projects = await admin.openstackJson<{ Name: string }[]>('project', 'list')
    expect(projects.map(({ Name }) => Name)).not.toContain('Team A')
  })

  it('creates a user, gives and takes roles, and deletes the user', async () => {
    await admin.openstack('project', 'create', 'team-b')
    const user = await show('user', 'create', '--password', 'first', '--email', 'a@example.com', 'anna')
    expect(user).toMatchObject({ name: 'anna', enabled: true, email: 'a@example.com' })
    expect(JSON.stringify(user)).not.toContain('first')
    await admin.openstack('role', 'add', '--project', 'team-b', '--user', 'anna', 'member')
    expect(await admin.openstackJson('role', 'assignment', 'list', '--names', '--user', 'anna')).toMatchObject([
      { Role: 'member', User: 'anna@Default', Project: 'team-b@Default' },
    ])
    const { items } = await plane().api.send<{ items: RoleBinding[] }>('GET', `${RBAC}/namespaces/team-b/rolebindings`)
    expect(items).toMatchObject([
      { roleRef: { name: 'kubenova-member' }, subjects: [{ name: `kubenova:user:anna:${String(user['id'])}` }] },
    ])
    const [first, second] = ['first', 'second'].map((password) => loginAs('anna', password, 'team-b')) as [
      string[],
      string[],
    ]
    await member.openstack(...first, 'user', 'password', 'set', '--original-password', 'first', '--password', 'second')
    await expect(member.openstack(...first, 'server', 'list')).rejects.toThrow('401')
    expect(await member.openstackJson(...second, 'server', 'list')).toEqual([])
    await admin.openstack('role', 'remove', '--project', 'team-b', '--user', 'anna', 'member')
    await expect(member.openstack(...second, 'server', 'list')).rejects.toThrow('401')
    await admin.openstack('user', 'set', '--disable', 'anna')
    expect(await show('user', 'show', 'anna')).toMatchObject({ enabled: false })
    await admin.openstack('user', 'delete', 'anna')
    await admin.openstack('project', 'delete', 'team-b')
  })

  it('makes an administrator of a project, who creates users in turn', async () => {
    await admin.openstack('project', 'create', 'team-c')
    await admin.openstack('user', 'create', '--password', 'pw', 'carl')
    await admin.openstack('role', 'add', '--project', 'team-c', '--user', 'carl', 'admin')
    const carl = loginAs('carl', 'pw', 'team-c')
    await member.openstack(...carl, 'user', 'create', '--password', 'pw', 'dora')
    await member.openstack(...carl, 'role', 'add', '--project', 'team-c', '--user', 'dora', 'reader')
    expect(await member.openstackJson(...loginAs('dora', 'pw', 'team-c'), 'server', 'list')).toEqual([])
    await admin.openstack('user', 'delete', 'dora', 'carl')
    const managed = `${RBAC}/clusterrolebindings?labelSelector=compute.kubenova.io/managed-by`
    expect((await plane().api.send<{ items: object[] }>('GET', managed)).items).toEqual([])
  })

  it('refuses a member, and says why', async () => {
    for (const words of [
      ['project', 'create', 'mine'],
      ['user', 'create', '--password', 'x', 'mine'],
    ])
      await expect(member.openstack(...words)).rejects.toThrow(/403.*You are not authorized/s)
  })

  it('deletes no project with a server, and no namespace of the operator', async () => {
    const servers = '/apis/compute.kubenova.io/v1alpha1/namespaces/team-c/servers'
    const spec = { flavor: 'tiny', image: { name: 'guest' } }
    const server = { apiVersion: 'compute.kubenova.io/v1alpha1', kind: 'Server', metadata: { name: 'web' }, spec }
    await plane().api.send('POST', servers, server)
    await expect(admin.openstack('project', 'delete', 'team-c')).rejects.toThrow('still has servers (1)')
    await plane().api.send('DELETE', `${servers}/web`)
    await plane().api.send(
      'PATCH',
      `${servers}/web`,
      { metadata: { finalizers: null } },
      'application/merge-patch+json',
    )
    await admin.openstack('project', 'delete', 'team-c')
    const isGone = async (): Promise<boolean> => {
      const { items } = await plane().api.send<{ items: Namespace[] }>('GET', '/api/v1/namespaces')
      return !items.some(({ metadata }) => metadata.name === 'team-c')
    }
    await waitUntil(isGone, { what: 'the namespace to go', deadline: 60_000 })
    await expect(admin.openstack('project', 'delete', 'kubenova-system')).rejects.toThrow(
      'The project kubenova-system is a namespace that was not made through this API',
    )
  })
})

it('the audit log names the administrator', () => {
  const events = plane().audit()
  const writers = events
    .filter(({ verb, objectRef }) => verb === 'create' && objectRef?.resource === 'namespaces')
    .flatMap(({ impersonatedUser }) => impersonatedUser?.username ?? [])
  expect(writers).toEqual(['cloud-admin', 'cloud-admin', 'cloud-admin'])
})

it('an administrator without the rights of crds/access/identity-admin.yaml can change nothing', async () => {
  await admin.openstack('project', 'create', 'early')
  await plane().kubectl('delete', 'clusterrolebinding', 'kubenova-identity-admin')
  await expect(admin.openstack('project', 'create', 'late')).rejects.toThrow(
    /403.*cannot create resource "namespaces"/s,
  )
  await expect(admin.openstack('project', 'delete', 'early')).rejects.toThrow(/1 of 1 projects failed to delete/)
  expect(await show('project', 'show', 'early')).toMatchObject({ name: 'early' })
})
