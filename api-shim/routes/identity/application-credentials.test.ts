import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { roleBindings, type Secret, secrets } from '../../../kube/builtin-kinds.ts'
import { hashPassword } from '../../identity/embedded/passwords.ts'
import { userIdOf } from '../../identity/embedded/users.ts'
import { startTwoUsers, type TwoUsers } from '../../identity/testing.ts'

const SECRET = { name: 'kubenova-application-credentials', namespace: 'kubenova-system' }
const alice = { id: userIdOf('alice'), name: 'alice' }
let users: TwoUsers
let shim: TwoUsers['shim']
let hash: string

interface Body {
  application_credential: { id: string; secret: string; roles: { name: string }[] }
  token: { expires_at: string; roles: { name: string }[] }
  error: { message: string }
}

beforeAll(async () => {
  users = await startTwoUsers('member')
  ;({ shim } = users)
  hash = await hashPassword('secret')
  await create({ name: 'first' })
  await shim.seed(roleBindings, {
    metadata: { name: 'service', namespace: 'mine' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'kubenova-service' },
    subjects: [{ kind: 'User', name: 'alice' }],
  })
})
afterAll(() => users[Symbol.asyncDispose]())
beforeEach(() => storeOnly({}))

const create = (credential: object) =>
  shim.ask<Body>('POST', `/identity/v3/users/${alice.id}/application_credentials`, {
    as: users.tokens.alice,
    body: { application_credential: credential },
  })

const issue = (id: string, secret = 'secret') =>
  shim.ask<Body>('POST', '/identity/v3/auth/tokens', {
    as: null,
    body: { auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } } },
  })

const readSecret = (): Secret | undefined => shim.api.find('secrets', `${SECRET.namespace}/${SECRET.name}`) as Secret

/** Replaces all credentials by these. */
async function storeOnly(credentials: Readonly<Record<string, object>>): Promise<void> {
  const removed = Object.keys(readSecret()?.data ?? {}).map((id) => [id, null])
  const added = Object.entries(credentials).map(([id, credential]) => [
    id,
    Buffer.from(JSON.stringify(credential)).toString('base64'),
  ])
  await shim.api.resource(secrets).patch(SECRET, { data: Object.fromEntries([...removed, ...added]) })
}

const stored = (name: string, more: object = {}): object => ({
  name,
  description: '',
  user: alice,
  project: { id: shim.callerOf('member')?.project?.id, name: 'mine' },
  roles: ['reader'],
  hash,
  ...more,
})
const many = (count: number, more: object = {}): Record<string, object> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, stored(`c${i}`, more)]))

describe('POST /users/{user_id}/application_credentials', () => {
  it('gives all roles of the token when the list of roles is empty', async () => {
    const { status, body } = await create({ name: 'ci', roles: [], secret: 'secret' })
    expect(status).toBe(201)
    const names = (roles: { name: string }[]): string[] => roles.map(({ name }) => name).toSorted()
    expect(names(body.application_credential.roles)).toEqual(['member', 'reader', 'service'])
    const token = await issue(body.application_credential.id)
    expect([token.status, names(token.body.token.roles)]).toEqual([201, ['member', 'reader', 'service']])
  })

  it('gives the role service', async () => {
    const { status, body } = await create({ name: 'ci', roles: [{ name: 'service' }] })
    expect([status, body.application_credential.roles.map(({ name }) => name)]).toEqual([201, ['service']])
  })

  it('refuses more than 30 credentials of a user, but not those of others', async () => {
    const others = Object.fromEntries(
      Object.entries(many(40)).map(([id, credential]) => [`x${id}`, { ...credential, user: { id: 'other' } }]),
    )
    await storeOnly({ ...others, ...many(29) })
    expect((await create({ name: 'thirty' })).status).toBe(201)
    const { status, body } = await create({ name: 'more' })
    expect([status, body.error.message]).toEqual([
      403,
      'Unable to create additional application credentials, maximum of 30 already exceeded for user.',
    ])
  })

  it('refuses credentials of a user that are too long together', async () => {
    await storeOnly(many(14, { description: 'x'.repeat(1024) }))
    const { status, body } = await create({ name: 'more' })
    expect([status, body.error.message]).toEqual([
      403,
      'The application credentials of a user have 16384 bytes at most: delete some of them, or shorten their descriptions.',
    ])
  })

  it('refuses credentials that would fill the Secret', async () => {
    await storeOnly({ huge: stored('huge', { user: { id: 'other' }, description: 'x'.repeat(900_000) }) })
    const { status, body } = await create({ name: 'more' })
    expect([status, body.error.message]).toEqual([
      403,
      'There are too many application credentials: ask an operator to delete unused ones.',
    ])
  })

  it('keeps the limits when requests come at the same time', async () => {
    await storeOnly(many(28))
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => create({ name })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(2)
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(3)
    expect(Object.keys(readSecret()?.data ?? {})).toHaveLength(30)
  })
})

describe('a token of an application credential', () => {
  it('ends with the credential', async () => {
    const end = new Date(Date.now() + 60_000)
    await storeOnly({ soon: stored('soon', { expiresAt: end.toISOString() }) })
    const { body, headers } = await issue('soon')
    expect(Date.parse(body.token.expires_at)).toBe(Math.floor(end.getTime() / 1000) * 1000)
    const as = String(headers['x-subject-token'])
    const statusOf = async (): Promise<number> => (await shim.ask('GET', '/compute/v2.1/flavors', { as })).status
    expect(await statusOf()).toBe(200)
    await storeOnly({ soon: stored('soon', { expiresAt: new Date(Date.now() - 1000).toISOString() }) })
    expect(await statusOf()).toBe(401)
  })

  it('lives as long as others when the credential does not end before', async () => {
    await storeOnly({ late: stored('late', { expiresAt: '2999-01-01T00:00:00Z' }) })
    const { expires_at: end } = (await issue('late')).body.token
    expect(Date.parse(end) - Date.now()).toBeLessThanOrEqual(3_600_000)
  })
})
