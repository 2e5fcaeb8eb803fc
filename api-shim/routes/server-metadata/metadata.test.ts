import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Server } from '../../../crds/index.ts'
import { configMaps } from '../../../kube/builtin-kinds.ts'
import { servers } from '../../state/stores.ts'
import { TestShim } from '../../testing.ts'

let shim: TestShim
let path: string

const seedServer = (name: string, more: { spec?: object; status?: object } = {}): Promise<Server> =>
  shim.seed<Server>(servers.kind, {
    metadata: { name, namespace: 'mine' },
    spec: { flavor: 'f', image: { name: 'i' }, metadata: { by: 'y' }, ...more.spec },
    status: { host: 'h', vmState: 'active', launchedAt: '2026-01-01T00:00:00Z', ...more.status },
  })

const ask = (method: string, suffix = '', body?: unknown, as = 'member') =>
  shim.ask<Record<string, { message: string } & Record<string, unknown>>>(method, `${path}${suffix}`, { as, body })

beforeEach(async () => {
  shim = await new TestShim().start()
  path = `/compute/v2.1/servers/${(await seedServer('s')).metadata.uid}/metadata`
})
afterEach(() => shim[Symbol.asyncDispose]())

describe('/servers/{server_id}/metadata', () => {
  it('adds pairs with POST and replaces all with PUT', async () => {
    expect((await ask('POST', '', { metadata: { a: '1', b: '2' } })).body).toEqual({
      metadata: { by: 'y', a: '1', b: '2' },
    })
    expect((await ask('PUT', '', { metadata: { z: '1' } })).body).toEqual({ metadata: { z: '1' } })
    expect((await ask('GET', '', undefined, 'reader')).body).toEqual({ metadata: { z: '1' } })
    expect(shim.api.list('servers')[0]).toMatchObject({ spec: { metadata: { z: '1' } } })
  })

  it('shows, changes and removes one pair', async () => {
    expect((await ask('PUT', '/a%20b', { meta: { 'a b': 'v' } })).body).toEqual({ meta: { 'a b': 'v' } })
    expect((await ask('GET', '/a%20b')).body).toEqual({ meta: { 'a b': 'v' } })
    expect(await ask('DELETE', '/a%20b')).toMatchObject({ status: 204, body: '' })
    expect(await ask('GET', '/a%20b')).toMatchObject({
      status: 404,
      body: { itemNotFound: { message: 'Metadata item was not found' } },
    })
  })

  it.each([
    [{ meta: { b: 'x' } }, 'Request body and URI mismatch'],
    [
      { meta: { a: 'x', b: 'y' } },
      "Invalid input for field/attribute meta. Value: {'a': 'x', 'b': 'y'}. {'a': 'x', 'b': 'y'} has too many properties",
    ],
    [{ meta: {} }, 'Invalid input for field/attribute meta. Value: {}. {} should be non-empty'],
    [{ meta: { a: 1 } }, "Invalid input for field/attribute a. Value: 1. 1 is not of type 'string'"],
  ])('answers 400 to PUT /a with %j', async (body, message) => {
    expect(await ask('PUT', '/a', body)).toMatchObject({ status: 400, body: { badRequest: { message } } })
  })

  it('has 128 pairs at most', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v']))
    expect(await ask('PUT', '', { metadata })).toMatchObject({
      status: 403,
      body: { forbidden: { message: 'Maximum number of metadata items exceeds 128' } },
    })
  })

  it('has as many pairs as the quota of the project allows, and fewer at any time', async () => {
    const setLimit = (limit: number) =>
      shim.seed(configMaps, {
        metadata: { name: 'kubenova-quota', namespace: 'mine' },
        data: { project: JSON.stringify({ '': { metadata_items: limit } }) },
      })
    await ask('PUT', '', { metadata: { a: '1', b: '2', c: '3' } })
    await setLimit(1)
    for (const [method, suffix, body] of [
      ['POST', '', { metadata: { d: '4' } }],
      ['PUT', '', { metadata: { a: '1', b: '2' } }],
      ['PUT', '/a', { meta: { a: 'x' } }],
    ] as const)
      expect((await ask(method, suffix, body)).body['forbidden']?.message).toBe(
        'Maximum number of metadata items exceeds 1',
      )
    expect((await ask('DELETE', '/a')).status).toBe(204)
    expect((await ask('PUT', '', { metadata: { a: '1' } })).status).toBe(200)
  })

  it('is protected by a lock, but not from administrators', async () => {
    const { metadata } = await seedServer('locked', { spec: { locked: true } })
    path = `/compute/v2.1/servers/${metadata.uid}/metadata`
    expect(await ask('PUT', '', { metadata: {} })).toMatchObject({
      status: 409,
      body: { conflictingRequest: { message: `Instance ${metadata.uid} is locked` } },
    })
    expect((await ask('PUT', '', { metadata: {} }, 'admin')).status).toBe(200)
  })

  it('changes also while a task runs, but not in each state', async () => {
    const busy = await seedServer('busy', { status: { taskState: 'rebooting' } })
    path = `/compute/v2.1/servers/${busy.metadata.uid}/metadata`
    expect((await ask('PUT', '', { metadata: {} })).status).toBe(200)
    const failed = await seedServer('failed', { status: { vmState: 'error' } })
    path = `/compute/v2.1/servers/${failed.metadata.uid}/metadata`
    expect((await ask('PUT', '', { metadata: {} })).body['conflictingRequest']?.message).toBe(
      `Cannot 'update metadata' instance ${failed.metadata.uid} while it is in vm_state error`,
    )
  })

  it('is hidden from other projects and read-only for readers', async () => {
    expect((await ask('GET', '', undefined, 'other')).status).toBe(404)
    expect((await ask('POST', '', { metadata: {} }, 'reader')).body['forbidden']?.message).toBe(
      "Policy doesn't allow os_compute_api:server-metadata:create to be performed.",
    )
  })
})
