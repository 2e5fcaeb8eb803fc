import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noLog } from '../../kube/log.ts'
import { defineRoute } from '../routes/route.ts'
import { TestShim } from '../testing.ts'
import { objectSchema, querySchema, stringSchema } from '../validation/schema.ts'
import { newOverloaded } from './fault.ts'

const echo = defineRoute<{ thing: { name: string } }>({
  name: 'things:create',
  method: 'POST',
  path: '/things',
  since: '2.10',
  until: '2.20',
  success: { '2.1': 200, '2.15': 201 },
  policy: { rule: 'os_compute_api:things:create', role: 'member' },
  body: {
    '2.1': objectSchema(
      { thing: objectSchema({ name: stringSchema() }, { required: ['name'] }) },
      { required: ['thing'] },
    ),
  },
  query: { '2.1': querySchema({}), '2.18': querySchema({}, { additionalProperties: false }) },
  handle: async ({ body, version }) => ({ body: { name: body.thing.name, version } }),
})
const broken = defineRoute({
  name: 'things:break',
  method: 'GET',
  path: '/broken',
  success: 200,
  policy: { rule: 'x', role: 'any' },
  async handle() {
    throw new Error('a secret')
  },
})

const busy = defineRoute({
  name: 'things:wait',
  method: 'GET',
  path: '/busy',
  success: 200,
  policy: { rule: 'x', role: 'any' },
  async handle() {
    throw newOverloaded('Too many things.', 3)
  },
})

describe('the pipeline of a request', () => {
  let shim: TestShim
  beforeAll(async () => {
    shim = await new TestShim({ routes: [echo, broken, busy] }).start()
  })
  afterAll(() => shim[Symbol.asyncDispose]())
  const post = (options: Parameters<TestShim['ask']>[2]) => shim.ask('POST', '/compute/v2.1/things', options)
  const thing = { thing: { name: 'a' } }

  it('logs errors of the shim, but no answers to a flood of requests', async () => {
    const logged: unknown[] = []
    const { log } = shim.services
    Object.assign(shim.services, {
      log: { ...noLog, error: (fields: { err: Error }) => logged.push(fields.err.message) },
    })
    const answers = [await shim.ask('GET', '/compute/v2.1/broken'), await shim.ask('GET', '/compute/v2.1/busy')]
    Object.assign(shim.services, { log })
    expect(answers.map(({ status }) => status)).toEqual([500, 503])
    expect(answers[1]?.headers['retry-after']).toBe('3')
    expect(logged).toEqual(['a secret'])
  })

  it('answers with the status of the microversion, and repeats it in both headers', async () => {
    const { status, headers, body } = await post({ version: '2.15', body: thing })
    expect([status, body]).toEqual([201, { name: 'a', version: 15 }])
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'openstack-api-version': 'compute 2.15',
      'x-openstack-nova-api-version': '2.15',
      vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
      'x-openstack-request-id': expect.stringMatching(/^req-[0-9a-f-]{36}$/) as string,
    })
    expect(headers['x-compute-request-id']).toBe(headers['x-openstack-request-id'])
  })

  it.each(['2.9', '2.21'])('answers 404 at %s, where the route does not exist', async (version) => {
    const { status, body } = await post({ version, body: thing })
    expect([status, body]).toEqual([404, { itemNotFound: { code: 404, message: 'The resource could not be found.' } }])
  })

  it('checks the token before the microversion, and the body before the policy', async () => {
    expect((await post({ as: null, version: 'x', body: {} })).status).toBe(401)
    expect((await post({ version: 'x', body: {} })).status).toBe(400)
    expect((await post({ as: 'reader', version: '2.10', body: {} })).status).toBe(400)
    const { status, body } = await post({ as: 'reader', version: '2.10', body: thing })
    const message = "Policy doesn't allow os_compute_api:things:create to be performed."
    expect([status, body]).toEqual([403, { forbidden: { code: 403, message } }])
  })

  it('answers 406 with the range to a version that is too high', async () => {
    const { status, body, headers } = await post({ version: '2.105', body: thing })
    const message = 'Version 2.105 is not supported by the API. Minimum is 2.1 and maximum is 2.104.'
    expect([status, body]).toEqual([406, { computeFault: { code: 406, message } }])
    expect(headers['openstack-api-version']).toBe('compute 2.105')
  })

  it.each([
    ['application/xml', 415],
    ['APPLICATION/JSON', 415],
    ['garbage', 415],
    ['application/json; charset=utf-8', 200],
    ['text/plain', 200],
    ['application/vnd.openstack.compute+json', 200],
  ])('takes the content type %s with %i', async (type, status) => {
    const options = { version: '2.10', body: thing, headers: { 'content-type': type } }
    expect((await post(options)).status).toBe(status)
  })

  it.each(['{', '\ufeff{}', '{"thing": {}} trailing', '<thing/>'])('calls %j malformed', async (text) => {
    const { status, body } = await post({ version: '2.10', body: text })
    expect([status, body]).toEqual([400, { badRequest: { code: 400, message: 'Malformed request body' } }])
  })

  it('calls a body malformed when it is nested more deeply than 500 levels', async () => {
    const nested = (depth: number) => `{"thing": ${'['.repeat(depth)}${']'.repeat(depth)}}`
    const messageOf = async (text: string) =>
      (
        await shim.ask<{ badRequest: { message: string } }>('POST', '/compute/v2.1/things', {
          version: '2.10',
          body: text,
        })
      ).body.badRequest.message
    expect(await messageOf(nested(50_000))).toBe('Malformed request body')
    expect(await messageOf(nested(500))).toBe('Malformed request body')
    expect(await messageOf(nested(499))).toMatch(/^Invalid input for field\/attribute thing\./)
  })

  it('refuses a body that is too large with 413', async () => {
    expect((await post({ version: '2.10', body: { thing: { name: 'x'.repeat(120_000) } } })).status).toBe(413)
  })

  it('drops an unknown parameter, and refuses it where the query is strict', async () => {
    const path = '/compute/v2.1/things?x=1'
    expect((await shim.ask('POST', path, { version: '2.17', body: thing })).status).toBe(201)
    expect((await shim.ask('POST', path, { version: '2.18', body: thing })).status).toBe(400)
  })

  it('accepts the own project in the path and refuses another one', async () => {
    const own = shim.callerOf('member')?.project?.id
    expect((await shim.ask('POST', `/compute/v2.1/${own}/things`, { version: '2.10', body: thing })).status).toBe(200)
    const { status, body } = await shim.ask('POST', '/compute/v2.1/abc/things', { version: '2.10', body: thing })
    const message = `Malformed request URL: URL's project_id 'abc' doesn't match Context's project_id '${own}'`
    expect([status, body]).toEqual([400, { badRequest: { code: 400, message } }])
  })

  it('does not find a route with a slash at the end, but a document of versions', async () => {
    const statusOf = async (path: string) => (await shim.ask('GET', `/compute${path}`)).status
    expect(await statusOf('/v2.1/broken/')).toBe(404)
    expect([await statusOf('/'), await statusOf('/v2.1/')]).toEqual([200, 200])
  })

  it('answers a path that no route has in the form that the client accepts', async () => {
    const json = await shim.ask('GET', '/compute/v2.1/nothing')
    const message = 'The resource could not be found.<br /><br />\n\n\n'
    expect([json.status, json.body]).toEqual([404, { message, code: '404 Not Found', title: 'Not Found' }])
    const html = await shim.ask('GET', '/compute/v2.1/nothing', { headers: { accept: '*/*' } })
    expect(html.headers['content-type']).toBe('text/html; charset=UTF-8')
    expect((await shim.ask('GET', '/compute/v2.1/nothing', { as: null })).status).toBe(401)
  })

  it('tells nothing of an unexpected error', async () => {
    const { status, body } = await shim.ask('GET', '/compute/v2.1/broken')
    const message = 'The server has either erred or is incapable of performing the requested operation.'
    expect([status, body]).toEqual([500, { computeFault: { code: 500, message } }])
  })
})
