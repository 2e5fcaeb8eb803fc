/* oxlint-disable typescript/no-explicit-any -- bodies of answers */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestShim } from '../testing.ts'
import { verifyPassword } from './embedded/passwords.ts'
import { userIdOf } from './embedded/users.ts'
import { passwordRequest, startTestIdentity } from './testing.ts'

describe('the embedded identity', () => {
  let shim: TestShim
  const stop = new AbortController()
  const issue = (body: object) => shim.ask<any>('POST', '/identity/v3/auth/tokens', { as: null, body })
  const issueCredential = (id: string, secret: string) =>
    issue({ auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } } })
  const tokenOf = async (body: object): Promise<string> => String((await issue(body)).headers['x-subject-token'])

  beforeAll(async () => {
    shim = await new TestShim().start()
    const passwords = { alice: 'pw', root: 'toor', 'system:kube-scheduler': 'pw', nobody: 'pw' }
    const roles = [
      { user: 'alice', role: 'member', project: 'mine' },
      { user: 'nobody', role: 'admin', project: 'other' },
      { user: 'root', role: 'admin' },
    ]
    await startTestIdentity(shim, passwords, roles, stop.signal)
  })
  afterAll(async () => {
    stop.abort()
    await shim[Symbol.asyncDispose]()
  })

  it('issues a token with project, roles and catalog, which the Compute API accepts', async () => {
    const { status, body, headers } = await issue(passwordRequest('alice', 'pw', 'mine'))
    expect(status).toBe(201)
    expect(body.token).toMatchObject({
      user: { id: userIdOf('alice'), name: 'alice', domain: { id: 'default', name: 'Default' } },
      project: { id: shim.callerOf('member')?.project?.id, name: 'mine' },
      roles: [
        { id: 'member', name: 'member' },
        { id: 'reader', name: 'reader' },
      ],
    })
    expect(body.token.catalog.map(({ type }: { type: string }) => type)).toEqual([
      'compute',
      'identity',
      'image',
      'network',
    ])
    expect((await shim.ask('GET', '/compute/v2.1/flavors', { as: String(headers['x-subject-token']) })).status).toBe(
      200,
    )
  })

  it.each([
    ['a wrong password', passwordRequest('alice', 'no', 'mine')],
    ['an unknown user', passwordRequest('bob', 'pw', 'mine')],
    ['a project in which the user has no role', passwordRequest('alice', 'pw', 'other')],
    ['an unknown project', passwordRequest('alice', 'pw', 'nowhere')],
    ['a name of a component of Kubernetes', passwordRequest('system:kube-scheduler', 'pw')],
  ])('answers %s with 401', async (_what, body) => {
    expect((await issue(body)).status).toBe(401)
  })

  it.each(['constructor', '__proto__', 'toString', 'valueOf'])(
    'answers 401 to a user and to an application credential that is called %s',
    async (name) => {
      const answers = [await issue(passwordRequest(name, 'pw')), await issueCredential(name, 'secret')]
      expect(answers.map(({ status }) => status)).toEqual([401, 401])
    },
  )

  it('does not accept a token without a project for the Compute API', async () => {
    const token = await tokenOf(passwordRequest('alice', 'pw'))
    expect((await shim.ask('GET', '/compute/v2.1/flavors', { as: token })).status).toBe(401)
  })

  it('takes the role admin in one namespace for manager only', async () => {
    const { body } = await issue(passwordRequest('nobody', 'pw', 'other'))
    expect(body.token.roles.map(({ name }: { name: string }) => name)).toEqual(['manager', 'member', 'reader'])
  })

  it('refuses a revoked token, and one that was changed', async () => {
    const token = await tokenOf(passwordRequest('alice', 'pw', 'mine'))
    const [head = '', payload = '', signature = ''] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    const forged = Buffer.from(JSON.stringify({ ...claims, user: 'root' })).toString('base64url')
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const wrong of [`${head}.${forged}.${signature}`, `${unsigned}.${forged}.`, 'nonsense', ''])
      expect((await shim.ask('GET', '/compute/v2.1/flavors', { as: wrong })).status).toBe(401)
    await shim.ask('DELETE', '/identity/v3/auth/tokens', { as: token, headers: { 'x-subject-token': token } })
    expect((await shim.ask('GET', '/compute/v2.1/flavors', { as: token })).status).toBe(401)
  })

  it('lets a user who has revoked many tokens log in again', async () => {
    const revoke = (token: string) =>
      shim.ask('DELETE', '/identity/v3/auth/tokens', { as: token, headers: { 'x-subject-token': token } })
    const old = await tokenOf(passwordRequest('nobody', 'pw', 'other'))
    const exchange = { auth: { identity: { methods: ['token'], token: { id: old } } } }
    for (let i = 0; i <= 100; i++) expect((await revoke(await tokenOf(exchange))).status).toBe(204)
    const statusOf = async (as: string): Promise<number> =>
      (await shim.ask('GET', '/identity/v3/projects', { as })).status
    expect(await statusOf(old)).toBe(401)
    const newToken = await tokenOf(passwordRequest('nobody', 'pw', 'other'))
    expect(await statusOf(newToken)).toBe(200)
    await revoke(newToken)
    expect(await statusOf(newToken)).toBe(401)
  })

  it('limits a token of an application credential to its roles', async () => {
    const token = await tokenOf(passwordRequest('alice', 'pw', 'mine'))
    const path = `/identity/v3/users/${userIdOf('alice')}/application_credentials`
    const made = await shim.ask<any>('POST', path, {
      as: token,
      body: { application_credential: { name: 'ci', roles: [{ name: 'reader' }] } },
    })
    const { id, secret } = made.body.application_credential
    const { body, status } = await issueCredential(id, secret)
    expect([status, body.token.roles]).toEqual([201, [{ id: 'reader', name: 'reader' }]])
    const restricted = String((await issueCredential(id, secret)).headers['x-subject-token'])
    const again = { application_credential: { name: 'more' } }
    expect((await shim.ask('POST', path, { as: restricted, body: again })).status).toBe(403)
    const admin = await shim.ask('POST', path, {
      as: token,
      body: { application_credential: { name: 'x', roles: [{ name: 'admin' }] } },
    })
    expect(admin.status).toBe(403)
  })

  it('shows a user only themselves, and an administrator all', async () => {
    const names = async (token: string): Promise<string[]> =>
      (await shim.ask<any>('GET', '/identity/v3/users', { as: token })).body.users.map((u: { name: string }) => u.name)
    expect(await names(await tokenOf(passwordRequest('alice', 'pw', 'mine')))).toEqual(['alice'])
    expect(await names(await tokenOf(passwordRequest('root', 'toor', 'mine')))).toEqual(['alice', 'root', 'nobody'])
  })
})

describe('verifyPassword', () => {
  it('accepts a hash of the reference implementation', async () => {
    // A test vector of argon2's reference implementation, with the salt `somesalt`.
    const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
    expect(await verifyPassword('password', hash)).toBe(true)
    expect(await verifyPassword('Password', hash)).toBe(false)
  })

  it.each([
    '',
    'plain',
    '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$AAAA',
    '$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$AAAA',
  ])('accepts no password for %j', async (hash) => {
    expect(await verifyPassword('x', hash)).toBe(false)
  })
})
