/** The accounts of the tests, and clouds.yaml with them. */
import { randomBytes } from 'node:crypto'
import { stringify } from 'yaml'
import { ApiUser } from '../../bench/lib/api-user.ts'
import type { ConformanceCloud } from '../stestr/clouds.ts'

type Account = Pick<ConformanceCloud['admin'], 'name' | 'password' | 'project'>

/** Creates a project, and a user with a role in it. */
async function createAccount(admin: ApiUser, project: string, role: 'member' | 'admin'): Promise<Account> {
  const user = { name: `${project}-user`, password: randomBytes(18).toString('base64url') }
  const { project: created } = await post<{ project: { id: string } }>(admin, '/projects', {
    project: { name: project },
  })
  const { user: owner } = await post<{ user: { id: string } }>(admin, '/users', { user })
  await admin.request('PUT', 'identity', `/projects/${created.id}/users/${owner.id}/roles/${role}`, 204)
  return { ...user, project }
}

async function post<T>(admin: ApiUser, path: string, body: object): Promise<T> {
  return JSON.parse((await admin.request('POST', 'identity', path, 201, body)).text) as T
}

/** Creates the accounts of devstack, whose names the tests expect. Returns the content of clouds.yaml. */
export async function createClouds({ url, admin }: ConformanceCloud): Promise<string> {
  const user = await ApiUser.signIn({ ...admin, authUrl: `${url}/identity/v3` })
  const adminAccount = await createAccount(user, 'admin', 'admin')
  const accounts = {
    devstack: await createAccount(user, 'demo', 'member'),
    'devstack-alt': await createAccount(user, 'alt-demo', 'member'),
    'devstack-admin': adminAccount,
    'devstack-system-admin': adminAccount,
  }
  user.close()
  const clouds = Object.entries(accounts).map(([name, account]) => [name, cloudOf(account, url)])
  return stringify({ clouds: Object.fromEntries(clouds) })
}

const cloudOf = ({ name, password, project }: Account, url: string): object => ({
  auth: {
    auth_url: `${url}/identity/v3`,
    username: name,
    password,
    project_name: project,
    user_domain_id: 'default',
    project_domain_id: 'default',
  },
  region_name: 'RegionOne',
  identity_api_version: '3',
  // openstacksdk skips all tests of compute on a cloud without volumes. At this address there is none of their API.
  block_storage_api_version: '3',
  block_storage_endpoint_override: `${url}/volume/v3`,
})
