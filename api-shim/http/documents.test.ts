import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestShim } from '../testing.ts'

let shim: TestShim
beforeAll(async () => {
  shim = await new TestShim().start()
})
afterAll(() => shim[Symbol.asyncDispose]())

const VENDOR = 'application/vnd.openstack.compute+json'
const ATOM = 'application/atom+xml'

const typeOf = async (path: string, accept: string): Promise<unknown> =>
  (await shim.ask('GET', `/compute${path}`, { headers: { accept } })).headers['content-type']

describe('the Compute API', () => {
  it('answers with the media type that the client likes best', async () => {
    expect(await typeOf('/v2.1/servers', VENDOR)).toBe(VENDOR)
    expect(await typeOf('/v2.1/servers', `${VENDOR};q=0.5, application/json`)).toBe('application/json')
    expect(await typeOf('/v2.1/servers', 'text/html')).toBe('application/json')
    expect(await typeOf('/foo', VENDOR)).toBe(VENDOR)
  })

  it('calls only the documents of versions Atom', async () => {
    expect(await Promise.all(['/', '/v2.1/', '/v2.1', '/v2.1/servers'].map((path) => typeOf(path, ATOM)))).toEqual([
      ATOM,
      ATOM,
      'application/json',
      'application/json',
    ])
  })

  it('shows the version that a header names', async () => {
    for (const headers of [{ accept: `${VENDOR};version=2.1` }, { 'content-type': 'application/json;version=2.1' }])
      for (const path of ['/', '/foo'])
        expect((await shim.ask('GET', `/compute${path}`, { headers })).headers['openstack-api-version']).toBe(
          'compute 2.1',
        )
    expect((await shim.ask('GET', '/compute/foo', { headers: { accept: `${VENDOR};version=9` } })).status).toBe(300)
  })

  it('shows versions for OPTIONS too', async () => {
    const { body } = await shim.ask<{ version: { id: string } }>('OPTIONS', '/compute/v2.1/')
    expect(body.version.id).toBe('v2.1')
  })

  it('shows a version below a version', async () => {
    const show = (id: string) => shim.ask<{ version: object }>('GET', `/compute/v2.1/versions/${id}`)
    expect((await show('v2.0')).body.version).toMatchObject({ id: 'v2.0', status: 'DEPRECATED' })
    expect(await show('9')).toMatchObject({ status: 404, body: { itemNotFound: { code: 404 } } })
  })

  it('takes an encoded slash in a path for a slash', async () => {
    const path = '/compute/v2.1/servers/x/tags/a%2Fb'
    expect((await shim.ask('PUT', path)).body).toMatchObject({ code: '404 Not Found' })
  })
})
