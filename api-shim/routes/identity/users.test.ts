import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { roleBindings, type Secret, secrets } from '../../../kube/builtin-kinds.ts'
import { userIdOf } from '../../identity/embedded/users.ts'
import { requestToken, startTwoUsers, type TwoUsers } from '../../identity/testing.ts'

const SECRET = { name: 'kubenova-created-users', namespace: 'kubenova-system' }
let users: TwoUsers
let shim: TwoUsers['shim']
let tokens: TwoUsers['tokens']

beforeAll(async () => {
  users = await startTwoUsers('manager')
  ;({ shim, tokens } = users)
})
afterAll(() => users[Symbol.asyncDispose]())

interface User {
  id: string
  name: string
}
type Body = { user: User; users: User[]; error: { message: string } }
const ask = (method: string, path: string, body?: object, as: string = tokens.root) =>
  shim.ask<Body>(method, `/identity/v3${path}`, { as, ...(body === undefined ? {} : { body }) })

async function createUser(name: string, more: object = {}): Promise<User> {
  const { status, body } = await ask('POST', '/users', { user: { name, password: 'first', ...more } })
  expect([status, body.error?.message]).toEqual([201, undefined])
  return body.user
}
const usersOf = (secret: unknown): string => JSON.stringify((secret as Secret | undefined)?.data ?? {})
const storedUsers = (): string => usersOf(shim.api.find('secrets', `${SECRET.namespace}/${SECRET.name}`))

/** Each test has its own user, so that tests do not depend on each other. */
let number = 0
const newName = (): string => `user-${++number}`

describe('POST /users', () => {
  it('creates a user, who can log in, and answers without the password', async () => {
    const name = newName()
    const { status, body } = await ask('POST', '/users', {
      user: {
        name,
        password: 'first',
        email: 'a@example.com',
        description: 'A',
        phone: '1',
        default_project_id: 'p',
        enabled: true,
      },
    })
    expect(status).toBe(201)
    const { id } = body.user
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect(body.user).toEqual({
      id,
      name,
      domain_id: 'default',
      enabled: true,
      email: 'a@example.com',
      description: 'A',
      phone: '1',
      default_project_id: 'p',
      password_expires_at: null,
      options: {},
      links: { self: `http://localhost:80/identity/v3/users/${id}` },
    })
    expect((await ask('GET', `/users/${id}`)).body).toEqual(body)
    expect((await ask('GET', `/users?name=${name}`)).body.users).toMatchObject([{ id }])
    expect(await requestToken(shim, name, 'first')).toBeDefined()
    expect(await requestToken(shim, name, 'second')).toBeUndefined()
    expect(storedUsers()).not.toContain(Buffer.from('first').toString('base64'))
  })

  it('takes any name, such as an e-mail address', async () => {
    const { id } = await createUser(' José@example.com ')
    expect((await ask('GET', `/users/${id}`)).body.user.name).toBe('José@example.com')
    expect(await requestToken(shim, 'José@example.com', 'first')).toBeDefined()
  })

  it('creates a user without a password, who cannot log in', async () => {
    const name = newName()
    expect((await ask('POST', '/users', { user: { name } })).status).toBe(201)
    expect(await requestToken(shim, name, '')).toBeUndefined()
  })

  it.each<[string, object, number, string]>([
    [
      'the name of another user',
      { name: 'taken' },
      409,
      'Conflict occurred attempting to store user - Duplicate entry found with name taken at domain ID default.',
    ],
    ['the name of an operator’s user', { name: 'alice' }, 409, 'Duplicate entry found with name alice'],
    ['no name', { password: 'kept-secret' }, 400, "Invalid input for field 'user': 'name' is a required property"],
    ['another domain', { name: 'x', domain_id: 'other' }, 404, 'Could not find domain: other.'],
    ['half of a character', { name: 'x\ud800' }, 400, 'The name has one half of a character that has two.'],
    ['an option', { name: 'x', password: 'kept-secret', options: { a: 1 } }, 400, "('a' was unexpected)"],
    ['properties that are too long', { name: 'x', phone: '1'.repeat(5000) }, 400, 'more than 4096 characters'],
    [
      'a password that is no text',
      { name: 'x', password: ['kept-secret'] },
      400,
      "Invalid input for field 'user/password': the value is not valid",
    ],
    [
      'a password that is too long',
      { name: 'x', password: 'kept-secret'.repeat(100) },
      403,
      'The password length must be less than or equal to 1024.',
    ],
  ])('refuses %s', async (_, user, status, message) => {
    await ask('POST', '/users', { user: { name: 'taken' } })
    const { body, status: actual } = await ask('POST', '/users', { user })
    expect([actual, body.error.message]).toEqual([status, expect.stringContaining(message)])
    expect(JSON.stringify(body)).not.toContain('kept-secret')
  })

  it('loses no user when several are created at the same time', async () => {
    const names = Array.from({ length: 8 }, newName)
    await Promise.all(names.map((name) => createUser(name)))
    const { users } = (await ask('GET', '/users')).body
    expect(users.map(({ name }) => name)).toEqual(expect.arrayContaining(names))
  })

  it('refuses the name of a user whom the cache does not have yet, because another replica has created it', async () => {
    const user = { name: newName() }
    shim.api.pauseWatches()
    try {
      expect((await ask('POST', '/users', { user })).status).toBe(201)
      expect((await ask('POST', '/users', { user })).status).toBe(409)
    } finally {
      shim.api.resumeWatches()
    }
  })
})

describe('PATCH /users/{id}', () => {
  it('changes only the properties in the request', async () => {
    const { id } = await createUser(newName(), { email: 'a@example.com', default_project_id: 'p' })
    const change = async (user: object) => (await ask('PATCH', `/users/${id}`, { user })).body.user
    expect(await change({ description: 'x' })).toMatchObject({
      email: 'a@example.com',
      description: 'x',
      default_project_id: 'p',
    })
    expect(await change({ email: null })).toMatchObject({ email: null, description: 'x' })
    expect(await change({ default_project_id: null })).not.toHaveProperty('default_project_id')
  })

  it('refuses properties that are too long together with those that the user has', async () => {
    const { id } = await createUser(newName(), { phone: '1'.repeat(3000) })
    const change = async (user: object) => ask('PATCH', `/users/${id}`, { user })
    const { status, body } = await change({ fax: '2'.repeat(3000) })
    expect([status, body.error.message]).toEqual([400, 'The further properties have more than 4096 characters.'])
    expect((await change({ phone: '1', fax: '2'.repeat(3000) })).status).toBe(200)
  })

  it('sets another password, which ends the tokens', async () => {
    const { id, name } = await createUser(newName())
    const token = (await requestToken(shim, name, 'first')) ?? ''
    expect((await ask('PATCH', `/users/${id}`, { user: { password: 'second' } })).status).toBe(200)
    expect((await ask('GET', '/auth/projects', undefined, token)).status).toBe(401)
    expect(await requestToken(shim, name, 'first')).toBeUndefined()
    expect(await requestToken(shim, name, 'second')).toBeDefined()
  })

  it('disables a user, whose old tokens stay invalid when the user is enabled again', async () => {
    const { id, name } = await createUser(newName())
    const token = (await requestToken(shim, name, 'first')) ?? ''
    const statusOf = async (): Promise<number> => (await ask('GET', '/auth/projects', undefined, token)).status
    expect(await statusOf()).toBe(200)
    expect((await ask('PATCH', `/users/${id}`, { user: { enabled: false } })).body.user).toMatchObject({
      enabled: false,
    })
    expect([await statusOf(), await requestToken(shim, name, 'first')]).toEqual([401, undefined])
    await ask('PATCH', `/users/${id}`, { user: { enabled: true } })
    expect([await statusOf(), await requestToken(shim, name, 'first')]).toEqual([401, expect.any(String)])
  })

  it('refuses another name, and the users of the operator', async () => {
    const { id } = await createUser(newName())
    const renamed = await ask('PATCH', `/users/${id}`, { user: { name: 'other' } })
    expect([renamed.status, renamed.body.error.message]).toEqual([
      403,
      'The name of a user is part of its role bindings, and cannot change.',
    ])
    for (const [method, body] of [
      ['PATCH', { user: { password: 'x' } }],
      ['DELETE', undefined],
    ] as const) {
      const answer = await ask(method, `/users/${userIdOf('alice')}`, body)
      expect([answer.status, answer.body.error.message]).toEqual([
        403,
        'The user alice stands in the Secret kubenova-users, which only an operator changes, with kubectl.',
      ])
    }
    expect(await requestToken(shim, 'alice', 'pw')).toBeDefined()
  })
})

describe('DELETE /users/{id}', () => {
  it('ends the tokens, and removes roles and application credentials', async () => {
    const { id, name } = await createUser(newName())
    const project = shim.callerOf('member')?.project?.id
    await shim.seed(roleBindings, {
      metadata: {
        name: 'given',
        namespace: 'mine',
        labels: { 'compute.kubenova.io/managed-by': 'identity-api' },
      },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'kubenova-member' },
      subjects: [{ kind: 'User', name: `kubenova:user:${name}:${id}` }],
    })
    const token = (await requestToken(shim, name, 'first', 'mine')) ?? ''
    const path = `/users/${id}/application_credentials`
    const made = await ask('POST', path, { application_credential: { name: 'ci' } }, token)
    expect(made.status).toBe(201)
    const credentials = (): string =>
      usersOf(shim.api.find('secrets', 'kubenova-system/kubenova-application-credentials'))
    expect(credentials()).not.toBe('{}')

    expect((await ask('DELETE', `/users/${id}`)).status).toBe(204)
    expect((await ask('GET', `/projects/${project}`, undefined, token)).status).toBe(401)
    expect(await requestToken(shim, name, 'first')).toBeUndefined()
    expect(shim.api.find('rolebindings', 'mine/given')).toBeUndefined()
    expect(credentials()).toBe('{}')
    expect((await ask('DELETE', `/users/${id}`)).status).toBe(404)
  })

  it('gives a new user with the same name another ID, and no rights of the old one', async () => {
    const { id, name } = await createUser(newName())
    await ask('DELETE', `/users/${id}`)
    const again = await createUser(name)
    expect(again.id).not.toBe(id)
  })
})

describe('POST /users/{id}/password', () => {
  const changePassword = (id: string, original: string, password: string, token: string) =>
    ask('POST', `/users/${id}/password`, { user: { original_password: original, password } }, token)

  it('changes the own password, which ends the tokens', async () => {
    const { id, name } = await createUser(newName())
    const token = (await requestToken(shim, name, 'first')) ?? ''
    expect((await changePassword(id, 'wrong', 'second', token)).status).toBe(401)
    expect((await changePassword(id, 'first', 'second', token)).status).toBe(204)
    expect((await changePassword(id, 'second', 'third', token)).status).toBe(401)
    expect(await requestToken(shim, name, 'first')).toBeUndefined()
    expect(await requestToken(shim, name, 'second')).toBeDefined()
  })

  it('refuses the passwords of others, and those of the operator’s users', async () => {
    const { id } = await createUser(newName())
    const other = await changePassword(id, 'first', 'second', tokens.alice)
    expect([other.status, other.body.error.message]).toEqual([
      403,
      'You are not authorized to perform the requested action: identity:change_password.',
    ])
    const own = await changePassword(userIdOf('alice'), 'pw', 'second', tokens.alice)
    expect([own.status, own.body.error.message]).toEqual([
      403,
      'The password of alice stands in the Secret kubenova-users: ask an operator to change it.',
    ])
  })
})

describe('the Secret of created users', () => {
  beforeEach(async () => {
    await createUser(newName())
  })

  it('may have values that the shim has not written', async () => {
    const value = (text: string): string => Buffer.from(text).toString('base64')
    const data = {
      a: value('nonsense'),
      b: value('null'),
      c: value('{"name":1,"generation":"x"}'),
      d: value('{"name":"eve","generation":"x","hash":"plain"}'),
    }
    await shim.api.resource(secrets).patch(SECRET, { data })
    const name = newName()
    await createUser(name)
    const names = (await ask('GET', '/users')).body.users.map((user) => user.name)
    expect(names).toContain(name)
    expect(names).not.toContain('eve')
    await shim.api.resource(secrets).patch(SECRET, { data: { a: null, b: null, c: null, d: null } })
  })

  it('gives the name of an operator’s user to that user', async () => {
    const [taken] = Object.entries(
      (shim.api.find('secrets', `${SECRET.namespace}/${SECRET.name}`) as Secret).data ?? {},
    )
    const [id = '', value = ''] = taken ?? []
    const user = { ...(JSON.parse(Buffer.from(value, 'base64').toString()) as object), name: 'root' }
    await shim.api
      .resource(secrets)
      .patch(SECRET, { data: { [id]: Buffer.from(JSON.stringify(user)).toString('base64') } })
    await createUser(newName())
    const roots = (await ask('GET', '/users?name=root')).body.users
    expect(roots.map((root) => root.id)).toEqual([userIdOf('root')])
    expect((await ask('GET', `/users/${id}`)).status).toBe(404)
    expect(await requestToken(shim, 'root', 'first')).toBeUndefined()
  })
})

it('lets only administrators create, change and delete users', async () => {
  const { id } = await createUser(newName())
  for (const [method, path, body] of [
    ['POST', '/users', { user: { name: 'x' } }],
    ['PATCH', `/users/${id}`, { user: { description: 'x' } }],
    ['DELETE', `/users/${id}`, undefined],
  ] as const)
    expect((await ask(method, path, body, tokens.alice)).status).toBe(403)
})
