/** The accounts that tempest uses. It cannot create them: users stand in a Secret, and projects are namespaces. */
import { randomBytes } from 'node:crypto'
import { stringify } from 'yaml'
import { hashPassword } from '../../../api-shim/identity/embedded/passwords.ts'
import type { ApiClient } from '../../rig/api.ts'

type AccountRole = 'admin' | 'manager' | 'member' | 'reader' | 'service'

export interface Account {
  name: string
  password: string
  /** The namespace that is the project. */
  project: string
  roles: readonly AccountRole[]
}

/** For a second user, tempest takes the first free account, which must be that of a member of another project. */
const rolesOfAccounts: readonly (readonly AccountRole[])[] = [
  ['member'],
  ['reader'],
  ['manager'],
  ['admin'],
  ['admin', 'service'],
]

export const createAccounts = (projects: readonly string[]): Account[] =>
  rolesOfAccounts.flatMap((roles) =>
    projects.map((project) => ({
      name: [project, ...roles].join('-'),
      password: randomBytes(18).toString('base64url'),
      project,
      roles,
    })),
  )

/** Adds the accounts to the users' Secret, and binds their roles. An administrator is one in all projects. */
export async function applyAccounts(api: ApiClient, namespace: string, accounts: readonly Account[]): Promise<void> {
  const hashes = await Promise.all(
    accounts.map(async ({ name, password }) => [name, Buffer.from(await hashPassword(password)).toString('base64')]),
  )
  await applyObject(api, `/api/v1/namespaces/${namespace}/secrets/kubenova-users`, {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'compute.kubenova.io/users',
    metadata: { name: 'kubenova-users', namespace },
    data: Object.fromEntries(hashes),
  })
  for (const account of accounts) for (const role of account.roles) await bindRole(api, account, role)
}

async function bindRole(api: ApiClient, { name, project }: Account, role: AccountRole): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const isCluster = role === 'admin' || role === 'service'
  const binding = `tempest-${name}-${role}`
  const collection = isCluster ? 'clusterrolebindings' : `namespaces/${project}/rolebindings`
  await applyObject(api, `${rbac}/${collection}/${binding}`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: isCluster ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name: binding, ...(isCluster ? {} : { namespace: project }) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `kubenova-${role}` },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
  })
}

async function applyObject(api: ApiClient, path: string, object: object): Promise<void> {
  await api.send('PATCH', `${path}?fieldManager=kubenova-tempest&force=true`, object, 'application/apply-patch+yaml')
}

/** The content of accounts.yaml. @param network the network on which tempest creates servers */
export const formatAccounts = (accounts: readonly Account[], network: string): string =>
  stringify(
    accounts.map(({ name, password, project, roles }) => ({
      username: name,
      password,
      project_name: project,
      domain_name: 'Default',
      roles: [...roles],
      resources: { network },
    })),
  )
