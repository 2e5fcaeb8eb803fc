import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { configMaps, type Secret } from '../../../kube/builtin-kinds.ts'
import type { Log } from '../../../kube/log.ts'
import { createStand, type Stand } from '../../../test/conformance/stand.ts'

let stand: Stand
const logged: unknown[] = []
const keep = (...args: unknown[]): void => void logged.push(args)
const log: Log = { debug: keep, info: keep, warn: keep, error: keep, child: () => log }

beforeEach(async () => {
  logged.length = 0
  stand = await createStand({ beforeStart: (shim) => Object.assign(shim.services, { log }) })
})
afterEach(() => stand.shim[Symbol.asyncDispose]())

const create = (server: object, version = '2.53') =>
  stand.shim.ask<Record<string, { adminPass?: string; id?: string; message?: string }>>(
    'POST',
    '/compute/v2.1/servers',
    {
      version,
      body: {
        server: {
          name: 'a',
          flavorRef: 'f-tiny',
          imageRef: stand.names.get('image:tiny'),
          networks: 'none',
          ...server,
        },
      },
    },
  )

const injectedSecrets = (): Secret[] =>
  stand.shim.api.list<Secret>('secrets').filter(({ type }) => type === 'compute.kubenova.io/injected')
const textOf = (secret: Secret | undefined, key: string): string =>
  Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()

describe('adminPass of a new server', () => {
  it('is generated as in Nova, returned once, and put into a Secret for the config drive', async () => {
    const { status, body } = await create({ config_drive: true })
    const { adminPass = '', id } = body['server'] ?? {}
    expect(status).toBe(202)
    expect(adminPass).toMatch(/^(?=.*[2-9])(?=.*[A-Z])(?=.*[a-z])[2-9A-HJ-NP-Za-km-z]{12}$/)
    const [secret] = injectedSecrets()
    expect(textOf(secret, 'admin-password')).toBe(adminPass)
    expect(secret?.metadata).toMatchObject({
      labels: { 'compute.kubenova.io/owners-only': 'true' },
      ownerReferences: [{ kind: 'Server', uid: id }],
    })
    expect(stand.shim.api.list('servers')).toMatchObject([
      { spec: { configDrive: true, injectedFrom: { secretRef: { name: secret?.metadata.name } } } },
    ])
    const shown = await stand.shim.ask('GET', `/compute/v2.1/servers/${id}`)
    expect(JSON.stringify(shown)).not.toContain(adminPass)
  })

  it('is returned without a Secret where there is no config drive', async () => {
    expect((await create({})).body['server']?.adminPass).toHaveLength(12)
    expect(injectedSecrets()).toEqual([])
  })

  it('is the one that the client gives, for each of several servers, on a config drive', async () => {
    const { body } = await create({ adminPass: 'given', min_count: 2 })
    expect(body['server']?.adminPass).toBe('given')
    expect(injectedSecrets().map((secret) => textOf(secret, 'admin-password'))).toEqual(['given'])
    expect(injectedSecrets()[0]?.metadata.ownerReferences).toHaveLength(2)
    expect(stand.shim.api.list('servers')).toMatchObject([
      { spec: { configDrive: true } },
      { spec: { configDrive: true } },
    ])
  })

  it('is not returned with enableInstancePassword=false', async () => {
    Object.assign(stand.shim.services, { hasPasswords: false })
    expect((await create({ config_drive: true })).body['server']).not.toHaveProperty('adminPass')
    expect(injectedSecrets()).toEqual([])
    expect((await create({ adminPass: 'given' })).body['server']).not.toHaveProperty('adminPass')
    expect(injectedSecrets()).toHaveLength(1)
  })
})

describe('personality of a new server', () => {
  it('goes into a Secret until 2.56', async () => {
    const personality = [{ path: '/etc/motd', contents: 'aGVsbG8=' }]
    expect((await create({ personality })).status).toBe(202)
    expect(JSON.parse(textOf(injectedSecrets()[0], 'files'))).toEqual(personality)
    expect((await create({ personality }, '2.57')).status).toBe(400)
  })

  it.each([
    [
      'files',
      Array.from({ length: 6 }, (_, i) => ({ path: `/${i}`, contents: '' })),
      'Personality file limit exceeded',
    ],
    ['a path', [{ path: 'x'.repeat(256), contents: '' }], 'Personality file path exceeds maximum 255'],
    ['contents', [{ path: '/x', contents: 'aGVs'.repeat(2561) }], 'Personality file content exceeds maximum 10240'],
  ])('is refused when %s exceed the limit', async (_what, personality, message) => {
    const { status, body } = await create({ personality })
    expect([status, body['forbidden']?.message]).toEqual([403, message])
    expect(stand.shim.api.list('servers')).toEqual([])
  })
})

it.each([
  ['a long password', { adminPass: 'x'.repeat(256) }, 'a password of more than 255 characters'],
  [
    'a file without a path',
    { personality: [{ path: '', contents: '' }] },
    'files that are no list of at most 100 {path, contents} with paths of 1 to 255 characters',
  ],
  [
    'files that together are too large',
    { personality: Array.from({ length: 5 }, (_, i) => ({ path: `/${i}`, contents: 'aGVs'.repeat(4000) })) },
    'more than 65535 bytes',
  ],
])('a server with %s is refused as the controller would refuse it', async (_what, server, mistake) => {
  const data = { project: JSON.stringify({ '': { injected_file_content_bytes: -1 } }) }
  await stand.shim.seed(configMaps, { metadata: { name: 'kubenova-quota', namespace: 'mine' }, data })
  const { status, body } = await create(server)
  expect([status, body['badRequest']?.message]).toEqual([
    400,
    `Invalid input for adminPass or personality: ${mistake}.`,
  ])
  expect(stand.shim.api.list('servers')).toEqual([])
})

it('passwords and files stand in Secrets only: not in a Server, an event or a log', async () => {
  const marks = ['p4ssMark', 'f1leMark']
  await create({
    adminPass: marks[0],
    personality: [{ path: '/x', contents: Buffer.from('f1leMark').toString('base64') }],
  })
  const id = stand.shim.api.list<Server>('servers')[0]?.metadata.uid
  await stand.shim.ask('POST', `/compute/v2.1/servers/${id}/action`, {
    body: { changePassword: { adminPass: marks[0] } },
  })
  // A request that fails is the one whose body is most likely to be logged.
  await create({ adminPass: marks[0], flavorRef: 'bogus' })
  await stand.shim.ask('POST', '/compute/v2.1/servers', { body: `{"server": {"adminPass": "${marks[0]}"` })
  expect(stand.shim.api.list('secrets').length).toBeGreaterThan(0)
  const secretText = JSON.stringify(stand.shim.api.list('secrets'))
  expect(secretText).toContain(Buffer.from('p4ssMark').toString('base64'))
  const plurals = ['servers', 'serveractions', 'events', 'configmaps', 'hostsecrets']
  const others = JSON.stringify([logged, ...plurals.map((plural) => stand.shim.api.list(plural))])
  for (const mark of marks)
    for (const form of [mark, Buffer.from(mark).toString('base64'), Buffer.from(mark).toString('hex')])
      expect(others).not.toContain(form)
})
