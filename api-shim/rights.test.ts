// Asks every route for the resources of a project: as a member of another project, and for changes as a reader.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServerAction } from '../crds/index.ts'
import type { KubeObject, ResourceDef } from '../kube/types.ts'
import { valuesOf } from './fuzz/schema-values.ts'
import { minorOf } from './http/microversion.ts'
import { profiles } from './http/profile.ts'
import { allRoutes } from './routes/index.ts'
import { removedRoutes } from './routes/removed.ts'
import type { Route } from './routes/route.ts'
import { actions, flavors, images, keyPairs, networks, ports, servers } from './state/stores.ts'
import { type Answer, TestShim } from './testing.ts'
import type { Schema } from './validation/schema.ts'

/** Stands in the names of all that belongs to the project. */
const MARK = 'owned-by-mine'
/** The ID of no object. */
const NOTHING = '5f0a1c9e-3b52-4c6e-9d1f-7a2b8c3d4e5f'
const REQUEST_ID = 'req-00000000-0000-4000-8000-000000000001'

let shim: TestShim
/** The parameters of paths, by the beginning of the path. */
let owned: Readonly<Record<(typeof beginnings)[number], Readonly<Record<string, string>>>>
let writes: string[] = []

async function seedProject(): Promise<void> {
  const metadata = { name: MARK, namespace: 'mine' }
  const idOf = async (def: ResourceDef, object: object): Promise<string> =>
    (await shim.seed<KubeObject>(def, { metadata, ...object })).metadata.uid ?? ''
  const spec = { flavor: MARK, image: { name: MARK }, displayName: MARK, metadata: { [MARK]: 'v' }, tags: [MARK] }
  const status = { host: 'host-1', vmState: 'active', launchedAt: '2026-01-02T03:04:05Z' }
  const server_id = await idOf(servers.kind, { spec, status })
  await shim.seed<ServerAction>(actions.kind, {
    metadata,
    spec: { server: MARK, action: 'create', requestId: REQUEST_ID },
    status: { phase: 'Succeeded', startTime: '2026-01-02T03:04:05Z' },
  })
  const access = { isPublic: false, access: ['mine'] }
  await shim.seed(flavors.kind, { metadata: { name: MARK }, spec: { vcpus: 1, ram: 64, disk: 1, ...access } })
  await idOf(keyPairs.kind, { spec: { publicKey: 'ssh-ed25519 AAAA' } })
  const image_id = await idOf(images.kind, {
    spec: { url: 'https://images.test/x', visibility: 'private', properties: { [MARK]: 'v' } },
  })
  const network = await idOf(networks.kind, { spec: { subnets: [{ cidr: '10.1.0.0/24' }] } })
  const port_id = await idOf(ports.kind, { spec: { network: { name: MARK } }, status: { server: MARK } })
  const project = shim.callerOf('member')?.project?.id ?? ''
  const { body } = await shim.ask<{ subnets: { id: string }[]; security_groups: { id: string }[] }>(
    'GET',
    '/network/v2.0/subnets',
  )
  const groups = await shim.ask<{ security_groups: { id: string }[] }>('GET', '/network/v2.0/security-groups')
  owned = {
    'compute /os-volumes_boot/': { server_id },
    'compute /servers/': { server_id, key: MARK, tag: MARK, port_id, request_id: REQUEST_ID, network_label: MARK },
    'compute /os-keypairs/': { id: MARK },
    'compute /os-quota-sets/': { id: project },
    'compute /os-simple-tenant-usage/': { id: project },
    'compute /flavors/': { flavor_id: MARK, key: MARK },
    'compute /images/': { image_id, key: MARK },
    'image /images/': { image_id, tag: MARK },
    'network /networks/': { id: network },
    'network /subnets/': { id: body.subnets[0]?.id ?? '' },
    'network /ports/': { id: port_id },
    'network /security-groups/': { id: groups.body.security_groups[0]?.id ?? '' },
    'network /quotas/': { project_id_of_quota: project },
    'identity /projects/': {
      id: project,
      project_id_of_role: project,
      user_id: 'id-of-member',
    },
  }
}

beforeAll(async () => {
  shim = await new TestShim({ onWrite: ({ plural }) => void writes.push(plural) }).start()
  await seedProject()
}, 60_000)
afterAll(() => shim[Symbol.asyncDispose]())

const rootOf = ({ service }: Route): string => {
  const profile = profiles.find((candidate) => candidate.service === service)
  return profile ? profile.root + profile.version : ''
}

/** The newest microversion of the route. */
const versionOf = ({ until }: Route): string => until ?? '2.104'

function schemaOf({ body = {} }: Route, version: string): Schema | undefined {
  const versions = Object.keys(body).filter((first) => minorOf(first as never) <= minorOf(version as never))
  return (body as Readonly<Record<string, Schema>>)[versions.at(-1) ?? '']
}

/** The route of /servers for one of /os-volumes_boot, which has another name but is the same. */
function withUsualName(route: Route): Route {
  const { until: _until, ...rest } = route
  const path = route.path.replace('/os-volumes_boot', '/servers')
  return path === route.path ? route : { ...rest, path }
}

/** Some bodies that the schema of the route accepts, always the same ones. */
function bodiesOf(route: Route): (object | undefined)[] {
  const fixed = bodies[labelOf(route)] ?? bodies[labelOf(withUsualName(route))]
  if (fixed) return [fixed]
  if (['GET', 'HEAD', 'DELETE'].includes(route.method)) return [undefined]
  const schema = schemaOf(route, versionOf(route))
  if (schema === undefined) return [route.action === undefined ? {} : { [route.action]: null }]
  return fc.sample(valuesOf(schema), { seed: 1, numRuns: 6 }) as object[]
}

async function askAll(route: Route, path: string, as: string): Promise<Answer<unknown>[]> {
  writes = []
  const url = rootOf(route) + path
  const type = route.method === 'PATCH' ? { 'content-type': 'application/openstack-images-v2.1-json-patch' } : {}
  const answers: Answer<unknown>[] = []
  for (const body of bodiesOf(route)) {
    const options = { as, version: versionOf(route), headers: type, ...(body === undefined ? {} : { body }) }
    answers.push(await shim.ask<unknown>(route.method, url, options))
  }
  return answers
}

const labelOf = ({ service, method, path, action, until }: Route): string =>
  [service, method, path, action, until && `(until ${until})`].filter(Boolean).join(' ')

const beginnings = [
  'compute /os-volumes_boot/',
  'compute /servers/',
  'compute /os-keypairs/',
  'compute /os-quota-sets/',
  'compute /os-simple-tenant-usage/',
  'compute /flavors/',
  'compute /images/',
  'image /images/',
  'network /networks/',
  'network /subnets/',
  'network /ports/',
  'network /security-groups/',
  'network /quotas/',
  'identity /projects/',
] as const

const beginningOf = ({ service, path }: Route): (typeof beginnings)[number] | undefined =>
  path.includes('{') ? beginnings.find((beginning) => `${service} ${path}`.startsWith(beginning)) : undefined

/** The path with the IDs of the project. */
function pathFor(route: Route): string {
  const beginning = beginningOf(route)
  const parameters = beginning === undefined ? {} : owned[beginning]
  return route.path.replaceAll(/\{([^}]*)\}/g, (_, name: string) => parameters[name] ?? NOTHING)
}

/** The status where it is not 404. Nova, too, finds the server of a tag or a share first, and then refuses. */
const otherStatus: Readonly<Record<string, number>> = {
  'compute GET /servers/{server_id}/tags': 403,
  'compute PUT /servers/{server_id}/tags': 403,
  'compute DELETE /servers/{server_id}/tags': 403,
  'compute GET /servers/{server_id}/tags/{tag}': 403,
  'compute PUT /servers/{server_id}/tags/{tag}': 403,
  'compute DELETE /servers/{server_id}/tags/{tag}': 403,
  'compute GET /servers/{server_id}/shares': 403,
  'compute POST /servers/{server_id}/shares': 403,
  'compute GET /servers/{server_id}/shares/{share_id}': 403,
  'compute DELETE /servers/{server_id}/shares/{share_id}': 403,
  'compute PUT /flavors/{flavor_id}': 403,
  'compute DELETE /flavors/{flavor_id}': 403,
  'compute POST /flavors/{flavor_id}/os-extra_specs': 403,
  'compute PUT /flavors/{flavor_id}/os-extra_specs/{key}': 403,
  'compute DELETE /flavors/{flavor_id}/os-extra_specs/{key}': 403,
  'compute GET /flavors/{flavor_id}/os-flavor-access': 403,
  'compute POST /flavors/{flavor_id}/action addTenantAccess': 403,
  'compute POST /flavors/{flavor_id}/action removeTenantAccess': 403,
  'compute GET /os-quota-sets/{id}': 403,
  'compute GET /os-quota-sets/{id}/detail': 403,
  // The default limits, which belong to no project.
  'compute GET /os-quota-sets/{id}/defaults': 200,
  'compute PUT /os-quota-sets/{id}': 403,
  'compute DELETE /os-quota-sets/{id}': 403,
  'compute GET /os-simple-tenant-usage/{id}': 403,
  // Security groups cannot be changed yet.
  'network PUT /security-groups/{id}': 501,
  'network GET /quotas/{project_id_of_quota}': 403,
  'network GET /quotas/{project_id_of_quota}/default': 403,
  'network GET /quotas/{project_id_of_quota}/details': 403,
  'network GET /quotas/{project_id_of_quota}/details.json': 403,
  'identity GET /projects/{project_id_of_role}/users/{user_id}/roles': 403,
  'identity HEAD /projects/{project_id_of_role}/users/{user_id}/roles/{role_id}': 403,
  'identity PATCH /projects/{id}': 403,
  'identity DELETE /projects/{id}': 403,
  'identity PUT /projects/{project_id_of_role}/users/{user_id}/roles/{role_id}': 403,
  'identity DELETE /projects/{project_id_of_role}/users/{user_id}/roles/{role_id}': 403,
}

/** Bodies that cannot be made from the schema alone. */
const bodies: Readonly<Record<string, object>> = {
  'compute POST /servers/{server_id}/action unlock': { unlock: null },
  'compute POST /servers': {
    server: { name: 'x', flavorRef: MARK, imageRef: NOTHING, networks: 'none' },
  },
  'compute PUT /os-services/{service_id}': { status: 'enabled' },
  'compute PUT /flavors/{flavor_id}/os-extra_specs/{key}': { [MARK]: 'v' },
  'compute PUT /images/{image_id}/metadata/{key} (until 2.38)': { meta: { [MARK]: 'v' } },
  'image PATCH /images/{image_id}': [{ op: 'replace', path: '/name', value: 'x' }],
  'image POST /images/{image_id}/import': { method: { name: 'web-download', uri: 'https://images.test/y' } },
}

const removed = new Set(removedRoutes)
const ofProjects = allRoutes.filter((route) => beginningOf(route) !== undefined && !removed.has(route))

describe('a member of another project', () => {
  it.each(ofProjects.map((route) => [labelOf(route), route] as const))('gets nothing from %s', async (label, route) => {
    const answers = await askAll(route, pathFor(route), 'other')
    const statuses = new Set(answers.map(({ status }) => status))
    // A generated body may be wrong in a way that its schema does not say.
    if (statuses.size > 1) statuses.delete(400)
    expect([[...statuses], writes]).toEqual([[otherStatus[label] ?? 404], []])
  })

  const lists = allRoutes.filter(({ method, path }) => method === 'GET' && !path.includes('{'))
  it.each(lists.map((route) => [labelOf(route), route] as const))('sees nothing in %s', async (_label, route) => {
    const [answer] = await askAll(route, route.path, 'other')
    expect(JSON.stringify(answer?.body)).not.toContain(MARK)
  })

  it('sees nothing of the project in any filter of the list of servers', async () => {
    const filters = ['', '?all_tenants=1', `?name=${MARK}`, '?changes-since=2000-01-01T00:00:00Z', '?deleted=true']
    for (const filter of filters) {
      const { body } = await shim.ask('GET', `/compute/v2.1/servers/detail${filter}`, { as: 'other', version: '2.104' })
      expect(JSON.stringify(body), filter).not.toContain(MARK)
    }
  })
})

/** Every user may change its own key pairs, tokens, application credentials and password. */
const openToReaders = new Set([
  'compute POST /os-keypairs',
  'compute DELETE /os-keypairs/{id}',
  // There are no server groups, so the answer is a 404 for everybody.
  'compute DELETE /os-server-groups/{id}',
  'identity POST /auth/tokens',
  'identity DELETE /auth/tokens',
  'identity POST /users/{id}/password',
  'identity POST /users/{user_id}/application_credentials',
  'identity DELETE /users/{user_id}/application_credentials/{id}',
])

describe('a reader', () => {
  const changing = allRoutes.filter(({ method, refusal }) => !['GET', 'HEAD'].includes(method) && refusal === undefined)
  const closed = changing.filter((route) => !openToReaders.has(labelOf(route)))
  it('is asked for every route that changes something, but for those that are open to readers', () => {
    expect(changing.length - closed.length).toBe(openToReaders.size)
    expect(closed.length).toBeGreaterThan(90)
  })

  it.each(closed.map((route) => [labelOf(route), route] as const))('cannot %s', async (_label, route) => {
    const answers = await askAll(route, pathFor(route), 'reader')
    const statuses = new Set(answers.map(({ status }) => status))
    if (statuses.size > 1) statuses.delete(400)
    expect([[...statuses], writes]).toEqual([[403], []])
  })
})
