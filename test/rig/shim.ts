import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashPassword } from '../../api-shim/identity/embedded/passwords.ts'
import type { ApiClient } from './api.ts'

export interface ShimUser {
  cloud: string
  name: string
  password: string
  /** The namespace that is the project. */
  project: string
  role: 'admin' | 'member'
}

/** The passwords are made at the first start and kept in a file. */
export function loadShimUsers(dir: string, project: string): ShimUser[] {
  const file = join(dir, 'shim-users.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as ShimUser[]
  const password = (): string => randomBytes(18).toString('base64url')
  const users: ShimUser[] = [
    { cloud: 'kubenova', name: 'demo', password: password(), project, role: 'member' },
    { cloud: 'kubenova-admin', name: 'cloud-admin', password: password(), project, role: 'admin' },
  ]
  writeFileSync(file, JSON.stringify(users), { mode: 0o600 })
  return users
}

/** The data of the users' Secret. */
export async function hashUsers(
  users: readonly Pick<ShimUser, 'name' | 'password'>[],
): Promise<Record<string, string>> {
  const hashes = await Promise.all(
    users.map(async ({ name, password }) => [name, Buffer.from(await hashPassword(password)).toString('base64')]),
  )
  return Object.fromEntries(hashes) as Record<string, string>
}

/**
 * Creates the users' Secret and their role bindings.
 * @param projects the projects in which both users are members; clouds.yaml names the first of these projects for both
 * users
 */
export async function applyShimUsers(
  api: ApiClient,
  dir: string,
  namespace: string,
  projects: readonly string[] = ['default'],
): Promise<ShimUser[]> {
  const users = loadShimUsers(dir, projects[0] ?? '')
  const apply = (path: string, object: object): Promise<unknown> =>
    api.send('PATCH', `${path}?fieldManager=kubenova-rig&force=true`, object, 'application/apply-patch+yaml')
  await apply(`/api/v1/namespaces/${namespace}/secrets/kubenova-users`, {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'compute.kubenova.io/users',
    metadata: { name: 'kubenova-users', namespace },
    data: await hashUsers(users),
  })
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const bind = (name: string, role: string, project?: string): Promise<unknown> => {
    const path = project === undefined ? `${rbac}/clusterrolebindings` : `${rbac}/namespaces/${project}/rolebindings`
    return apply(`${path}/shim-${name}`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: project === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
      metadata: { name: `shim-${name}`, ...(project === undefined ? {} : { namespace: project }) },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `kubenova-${role}` },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    })
  }
  for (const { name, role } of users) {
    if (role === 'admin') await bind(name, 'admin')
    for (const project of projects) await bind(name, 'member', project)
  }
  return users
}

/** Writes clouds.yaml with all users, and openrc for the first one. @param url the address of the shim */
export function writeClientFiles(dir: string, url: string, users: readonly ShimUser[]): void {
  const clouds = users.map(
    ({ cloud, name, password, project }) => `  ${cloud}:
    auth:
      auth_url: ${url}/identity/v3
      username: ${name}
      password: ${password}
      project_name: ${project}
      user_domain_id: default
      project_domain_id: default
    region_name: RegionOne
    identity_api_version: 3
`,
  )
  writeFileSync(join(dir, 'clouds.yaml'), `clouds:\n${clouds.join('')}`, { mode: 0o600 })
  const [first] = users
  if (!first) return
  const variables = {
    OS_AUTH_URL: `${url}/identity/v3`,
    OS_USERNAME: first.name,
    OS_PASSWORD: first.password,
    OS_PROJECT_NAME: first.project,
    OS_USER_DOMAIN_ID: 'default',
    OS_PROJECT_DOMAIN_ID: 'default',
    OS_REGION_NAME: 'RegionOne',
    OS_IDENTITY_API_VERSION: '3',
  }
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${value}\n`)
  writeFileSync(join(dir, 'openrc'), lines.join(''), { mode: 0o600 })
}
