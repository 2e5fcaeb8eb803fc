import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AskOptions, TestShim } from '../../testing.ts'

let shim: TestShim
beforeAll(async () => {
  shim = await new TestShim().start()
})
afterAll(() => shim[Symbol.asyncDispose]())

const ask = (method: string, path = '', options: AskOptions = {}) =>
  shim.ask(method, `/compute/v2.1/os-server-groups${path}`, { version: '2.104', ...options })

test('server-groups:list is empty, and show finds none', async () => {
  expect((await ask('GET')).body).toEqual({ server_groups: [] })
  expect((await ask('GET', '/bogus')).body).toEqual({
    itemNotFound: { code: 404, message: 'Instance group bogus could not be found.' },
  })
})

test('server-groups:create is forbidden by policy', async () => {
  const body = { server_group: { name: 'g', policy: 'affinity' } }
  expect((await ask('POST', '', { body })).body).toEqual({
    forbidden: { code: 403, message: "Policy doesn't allow os_compute_api:os-server-groups:create to be performed." },
  })
})

test.each([
  [
    '2.1',
    { name: 'g', policies: ['soft-affinity'] },
    "Invalid input for field/attribute 0. Value: soft-affinity. 'soft-affinity' is not one of ['anti-affinity', 'affinity']",
  ],
  [
    '2.15',
    { name: 'g', policies: [] },
    'Invalid input for field/attribute policies. Value: []. [] should be non-empty',
  ],
  [
    '2.64',
    { name: 'g', policies: ['affinity'] },
    "Invalid input for field/attribute server_group. Value: {'name': 'g', 'policies': ['affinity']}. 'policy' is a required property",
  ],
  [
    '2.64',
    { name: 'g', policy: 'anti-affinity', rules: { max_server_per_host: 0 } },
    'Invalid input for field/attribute max_server_per_host. Value: 0. 0 is less than the minimum of 1',
  ],
])('server-groups:create at %s rejects %j', async (version, group, message) => {
  expect((await ask('POST', '', { version, body: { server_group: group } })).body).toEqual({
    badRequest: { code: 400, message },
  })
})
