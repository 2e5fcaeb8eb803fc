import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let id: string

const ask = (method: string, suffix = '', options: { body?: unknown; as?: string; version?: string } = {}) =>
  shim.ask<Record<string, unknown>>(method, `/compute/v2.1/servers/${id}/tags${suffix}`, {
    version: '2.26',
    ...options,
  })

beforeEach(async () => {
  shim = await new TestShim().start()
  const server = await shim.seed<Server>(servers.kind, {
    metadata: { name: 's', namespace: 'mine' },
    spec: { flavor: 'f', image: { name: 'i' }, locked: true },
    status: { host: 'h', vmState: 'active' },
  })
  id = server.metadata.uid ?? ''
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('/servers/{server_id}/tags', () => {
  it('exists since 2.26', async () => {
    expect((await ask('GET', '', { version: '2.25' })).status).toBe(404)
    expect((await ask('GET')).body).toEqual({ tags: [] })
  })

  it('replaces all tags, also those of a locked server, and sorts them', async () => {
    expect((await ask('PUT', '', { body: { tags: ['b', 'a', 'b'] } })).body).toEqual({ tags: ['a', 'b'] })
    expect(shim.api.list('servers')[0]).toMatchObject({ spec: { tags: ['a', 'b'] } })
    expect(await ask('DELETE')).toMatchObject({ status: 204, body: '' })
    expect((await ask('GET')).body).toEqual({ tags: [] })
  })

  it('adds a tag once and tells where it is', async () => {
    const added = await ask('PUT', '/new')
    expect(added).toMatchObject({ status: 201, body: '' })
    expect(added.headers['location']).toMatch(new RegExp(`/v2.1/servers/${id}/tags/new$`))
    expect(await ask('PUT', '/new')).toMatchObject({ status: 204 })
    expect((await ask('GET', '/new')).status).toBe(204)
    expect((await ask('PUT', '/%C3%BC')).headers['location']).toMatch(/\/tags\/Ã¼$/)
  })

  it('removes a tag', async () => {
    await ask('PUT', '/a')
    expect((await ask('DELETE', '/a')).status).toBe(204)
    expect((await ask('DELETE', '/a')).body).toMatchObject({
      itemNotFound: { message: `Instance ${id} has no tag 'a'` },
    })
    expect((await ask('GET', '/a')).body).toMatchObject({ itemNotFound: { message: `Server ${id} has no tag 'a'` } })
  })

  it('has 50 tags of at most 60 characters', async () => {
    const long = 't'.repeat(61)
    expect((await ask('PUT', `/${long}`)).body).toMatchObject({
      badRequest: {
        message:
          `Tag '${long}' is invalid. It must be a non empty string without characters '/' and ','. ` +
          `Validation error message: '${long}' is too long`,
      },
    })
    await ask('PUT', '', { body: { tags: Array.from({ length: 50 }, (_, i) => `t${i}`) } })
    expect((await ask('PUT', '/overfull')).body).toMatchObject({
      badRequest: { message: 'The number of tags exceeded the per-server limit 50' },
    })
  })

  it('tells other projects that the server exists', async () => {
    expect((await ask('GET', '', { as: 'other' })).body).toMatchObject({
      forbidden: { message: "Policy doesn't allow os_compute_api:os-server-tags:index to be performed." },
    })
    id = 'bogus'
    expect((await ask('GET')).body).toMatchObject({
      itemNotFound: { message: 'Instance bogus has no mapping to a cell.' },
    })
  })
})
