import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fingerprintOf } from '../../../crds/keypair-fingerprint.ts'
import { keyPairs } from '../../state/stores.ts'
import { type AskOptions, TestShim } from '../../testing.ts'

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHpRQlpyGLTVtxoTJf0hOshm2ucTlIKQebdrlqhCFxX1 me'
const fingerprint = 'f0:bf:3a:5d:12:2c:bf:68:6f:f4:19:63:a0:e8:a1:25'

let shim: TestShim
beforeAll(async () => {
  shim = await new TestShim().start()
})
afterAll(() => shim[Symbol.asyncDispose]())

interface KeyPairBody {
  keypair: { name: string; public_key: string; private_key?: string; fingerprint: string }
}
const ask = (method: string, path: string, options: AskOptions = {}) =>
  shim.ask<KeyPairBody & Record<string, object>>(method, `/compute/v2.1/os-keypairs${path}`, options)
const create = (keypair: object, options: AskOptions = {}) =>
  ask('POST', '', { version: '2.104', body: { keypair }, ...options })

const namesFor = async (as: string, query = ''): Promise<string[]> => {
  const { body } = await ask('GET', query, { as, version: '2.104' })
  return (body['keypairs'] as KeyPairBody[]).map(({ keypair }) => keypair.name)
}

test('keypairs:create imports a key, with the code of its microversion', async () => {
  const { status, body } = await create({ name: 'k1', public_key: publicKey }, { version: '2.1' })
  expect(status).toBe(200)
  expect(body).toEqual({ keypair: { name: 'k1', public_key: publicKey, fingerprint, user_id: 'id-of-member' } })
  const newer = await create({ name: 'k2', type: 'ssh', public_key: publicKey }, { version: '2.2' })
  expect(newer.status).toBe(201)
  expect(newer.body).toMatchObject({ keypair: { type: 'ssh' } })
})

test('keypairs:create rejects a name that the user has already', async () => {
  expect((await create({ name: 'K1', public_key: publicKey })).body).toEqual({
    conflictingRequest: { code: 409, message: "Key pair 'K1' already exists." },
  })
})

test('keypairs:create makes a key before 2.92 whose private half fits', async () => {
  const { body } = await create({ name: 'made' }, { version: '2.91' })
  const { public_key: line, private_key: pem = '', fingerprint: shown } = body.keypair
  expect(pem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/)
  expect(line).toMatch(/^ssh-rsa AAAAB3NzaC1yc2EA\S+ Generated-by-Nova$/)
  expect(shown).toBe(fingerprintOf({ type: 'ssh', publicKey: line }))
  const { n = '' } = createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' })
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64')
  expect(blob.subarray(-256).equals(Buffer.from(n, 'base64url'))).toBe(true)
  expect(JSON.stringify(shim.api.list('keypairs'))).not.toContain('PRIVATE')
})

test.each([
  [
    { name: 'k4' },
    "Invalid input for field/attribute keypair. Value: {'name': 'k4'}. 'public_key' is a required property",
  ],
  [{ name: 'bad', public_key: 'nonsense' }, 'Keypair data is invalid: failed to generate fingerprint'],
  [{ name: 'bad', public_key: 'ssh-rsa AAAA' }, 'Keypair data is invalid: failed to generate fingerprint'],
  [
    { name: 'a/b', public_key: publicKey },
    "Invalid input for field/attribute name. Value: a/b. 'a/b' does not match '^[_\\\\-\\\\@\\\\. a-zA-Z0-9]+$'",
  ],
  [
    { name: ' pad ', public_key: publicKey },
    "An invalid 'name' value was provided. The name must be: printable characters. Can not start or end with whitespace.",
  ],
])('keypairs:create rejects %j', async (keypair, message) => {
  expect((await create(keypair)).body).toEqual({ badRequest: { code: 400, message } })
})

test('keypairs:list shows users their own key pairs, and those of no user', async () => {
  await shim.seed(keyPairs.kind, { metadata: { name: 'team', namespace: 'mine' }, spec: { publicKey } })
  await create({ name: 'k1', public_key: publicKey }, { as: 'manager' })
  expect(await namesFor('member')).toEqual(['k1', 'k2', 'made', 'team'])
  expect(await namesFor('manager')).toEqual(['k1', 'team'])
  expect(await namesFor('other')).toEqual([])
})

test('keypairs:create rejects a second one when the first is not in the cache yet', async () => {
  const twice = await Promise.all([0, 1].map(() => create({ name: 'a b', public_key: publicKey }, { as: 'reader' })))
  expect(twice.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409])
})

test('keypairs:list is cut into pages from 2.35 on', async () => {
  const { body } = await ask('GET', '?limit=1&marker=k1', { version: '2.35' })
  expect(body['keypairs']).toMatchObject([{ keypair: { name: 'k2' } }])
  expect(body['keypairs_links']).toEqual([
    { rel: 'next', href: 'http://localhost:80/compute/v2.1/os-keypairs?limit=1&marker=k2' },
  ])
  expect((await ask('GET', '?marker=bogus', { version: '2.35' })).body).toEqual({
    badRequest: { code: 400, message: 'Marker bogus could not be found.' },
  })
  expect((await ask('GET', '?marker=', { version: '2.35' })).body).toEqual({
    badRequest: { code: 400, message: 'Marker  could not be found.' },
  })
})

test('keypairs of another user are for administrators', async () => {
  expect(await namesFor('admin', '?user_id=id-of-member')).toEqual(['k1', 'k2', 'made'])
  expect((await ask('GET', '?user_id=id-of-member', { as: 'manager', version: '2.10' })).body).toEqual({
    forbidden: { code: 403, message: "Policy doesn't allow os_compute_api:os-keypairs:index to be performed." },
  })
  const { body } = await create({ name: 'given', public_key: publicKey, user_id: 'id-of-member' }, { as: 'admin' })
  expect(body).toMatchObject({ keypair: { user_id: 'id-of-member' } })
  expect(await namesFor('member')).toContain('given')
})

test('keypairs:show and delete find a name in any case', async () => {
  const { body } = await ask('GET', '/K2', { version: '2.104' })
  expect(Object.keys(body.keypair).toSorted()).toEqual([
    'created_at',
    'deleted',
    'deleted_at',
    'fingerprint',
    'id',
    'name',
    'public_key',
    'type',
    'updated_at',
    'user_id',
  ])
  expect((await ask('DELETE', '/K2', { version: '2.104' })).status).toBe(204)
  expect((await ask('DELETE', '/k2', { version: '2.1' })).body).toEqual({
    itemNotFound: { code: 404, message: 'Keypair k2 not found for user id-of-member' },
  })
})

test('keypairs:create makes a certificate for a log-in to Windows', async () => {
  const { status, body } = await create({ name: 'windows', type: 'x509' }, { version: '2.2' })
  expect(status).toBe(201)
  const certificate = new X509Certificate(body.keypair.public_key)
  expect(certificate.subject).toBe('CN=id-of-member')
  expect(certificate.subjectAltName).toContain('id-of-member@localhost')
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(certificate.checkPrivateKey(createPrivateKey(body.keypair.private_key ?? ''))).toBe(true)
  expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBe(3650 * 86_400_000)
})
