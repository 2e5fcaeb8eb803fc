import { describe, expect, it } from 'vitest'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { applyIfChanged } from './apply.ts'
import { type ConfigMap, configMaps } from './builtin-kinds.ts'
import { ApiError, ignoreNotFound, isAlreadyExists, isConflict, isForbidden, isNotFound } from './errors.ts'
import { collectAll, createDirectClient, createProxiedClient, createTestNamespace } from './testing/rig.ts'
import type { KubeObject, ResourceDef } from './types.ts'

interface SelfSubjectReview extends KubeObject {
  status?: { userInfo: { username: string; groups: string[]; extra: object } }
}
const selfSubjectReviews: ResourceDef = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  namespaced: false,
}

const plane = withControlPlane({ audit: true })
const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (e: unknown) => e,
  )

describe('Resource', () => {
  it('creates, reads, lists in pages, patches and deletes objects', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const made = await maps.create({ metadata: { namespace, name: 'a' }, data: { x: '1' } })
    expect(await maps.get(made.metadata)).toEqual(made)
    expect(isAlreadyExists(await errorOf(maps.create({ metadata: { namespace, name: 'a' } })))).toBe(true)
    const merged = await maps.patch(made.metadata, { data: { y: '2' } })
    expect(merged.data).toEqual({ x: '1', y: '2' })
    for (const name of ['b', 'c', 'd', 'e']) await maps.create({ metadata: { namespace, name } })
    const pages = await collectAll(maps.pages({ namespace, limit: 2 }))
    expect(pages.map((page) => page.items.map((item) => item.metadata.name))).toEqual([['a', 'b'], ['c', 'd'], ['e']])
    expect(pages[0]?.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' })
    const { uid } = made.metadata
    expect(isConflict(await errorOf(maps.delete(made.metadata, { preconditions: { uid: 'another' } })))).toBe(true)
    await maps.delete(made.metadata, { preconditions: { uid } })
    expect(await ignoreNotFound(maps.get(made.metadata))).toBeUndefined()
  })

  it('applies the fields of each field manager, with or without force, and only at a given resourceVersion', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const metadata = { namespace, name: 'a' }
    const first = await maps.apply({ metadata, data: { x: '1' } }, { fieldManager: 'one' })
    await maps.apply({ metadata, data: { y: '1' } }, { fieldManager: 'two' })
    const refused = await errorOf(maps.apply({ metadata, data: { x: '2' } }, { fieldManager: 'two', force: false }))
    expect(isConflict(refused)).toBe(true)
    expect(String(refused)).toContain('"one"')
    const stale = { metadata: { ...metadata, resourceVersion: first.metadata.resourceVersion }, data: { x: '3' } }
    expect(isConflict(await errorOf(maps.apply(stale, { fieldManager: 'one' })))).toBe(true)
    const last = await maps.apply({ metadata, data: { z: '1' } }, { fieldManager: 'one' })
    expect(last.data).toEqual({ y: '1', z: '1' })
  })

  it('applyIfChanged does not write when nothing would change', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const wanted = { metadata: { namespace, name: 'a', labels: { l: '1' } }, data: { x: '1' } }
    const { object: seen, written } = await applyIfChanged(maps, wanted)
    expect(written).toBe(true)
    expect(await applyIfChanged(maps, wanted, { seen })).toEqual({ object: seen, written: false })
    expect((await applyIfChanged(maps, { ...wanted, data: { x: '2' } }, { seen })).written).toBe(true)
    const fewer = { metadata: { namespace, name: 'a' }, data: { x: '1' } }
    const again = await applyIfChanged(maps, fewer, { seen, previous: wanted })
    expect(again).toMatchObject({
      written: true,
      object: { metadata: expect.not.objectContaining({ labels: { l: '1' } }) },
    })
  })

  it('rejects a call without the name or the namespace that it needs', async () => {
    await using kube = await createDirectClient(plane())
    const maps = kube.resource<ConfigMap>(configMaps)
    await expect(maps.get({ namespace: 'default' })).rejects.toThrow('a name is needed')
    await expect(maps.delete({ name: 'a' })).rejects.toThrow('a namespace is needed')
    await expect(maps.create({ metadata: { name: 'a' } })).rejects.toThrow('a namespace is needed')
  })

  it('rejects with the field that validation refused', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const refused = await errorOf(maps.create({ metadata: { namespace, name: 'Not_A_Name' } }))
    expect(refused).toBeInstanceOf(ApiError)
    expect(refused).toMatchObject({ status: 422, reason: 'Invalid', details: { causes: [{ field: 'metadata.name' }] } })
  })
})

describe('Kube.as', () => {
  it('impersonates the user with every group and extra', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace } = await createTestNamespace(kube)
    const bob = kube.as({ user: 'bob', groups: ['painters', 'night, shift'], extra: { 'example.com/why': ['test'] } })
    const refused = await errorOf(bob.resource<ConfigMap>(configMaps).list({ namespace }))
    expect(isForbidden(refused)).toBe(true)
    expect(String(refused)).toContain('"bob"')
    const review = await bob.resource<SelfSubjectReview>(selfSubjectReviews).create({ metadata: {} })
    expect(review.status?.userInfo).toMatchObject({
      username: 'bob',
      groups: expect.arrayContaining(['painters', 'night, shift']),
      extra: { 'example.com/why': ['test'] },
    })
  })
})

describe('calls through a bad connection', () => {
  it('retries a create after Retry-After when the server answers 429', async () => {
    await using proxied = await createProxiedClient(plane())
    const { namespace, maps } = await createTestNamespace(proxied.kube)
    proxied.proxy.answer({ status: 429, headers: { 'retry-after': '1' }, times: 2 })
    const started = performance.now()
    await maps.create({ metadata: { namespace, name: 'a' } })
    expect(performance.now() - started).toBeGreaterThanOrEqual(2_000)
    expect(proxied.proxy.requests.filter((r) => r.startsWith('POST') && r.includes(namespace))).toHaveLength(3)
  })

  it('retries reads and applies when the server answers 500, but not creates', async () => {
    await using proxied = await createProxiedClient(plane())
    const { namespace, maps } = await createTestNamespace(proxied.kube)
    const broken = { status: 500, body: 'panic: oh' } as const
    proxied.proxy.answer({ ...broken, times: 1 })
    expect(await errorOf(maps.create({ metadata: { namespace, name: 'a' } }))).toMatchObject({
      status: 500,
      message: expect.stringContaining('panic: oh'),
    })
    proxied.proxy.answer({ ...broken, times: 2 })
    await maps.apply({ metadata: { namespace, name: 'a' } })
    proxied.proxy.answer({ ...broken, times: 2 })
    expect((await maps.list({ namespace })).items).toHaveLength(1)
  })

  it('rejects at the timeout when the server never answers, and at once when the caller aborts', async () => {
    await using proxied = await createProxiedClient(plane())
    const maps = proxied.kube.resource<ConfigMap>(configMaps)
    proxied.proxy.hang()
    const late = await errorOf(maps.get({ namespace: 'default', name: 'a' }, { timeoutMs: 300 }))
    expect(late).toMatchObject({ status: 0, reason: 'Unreachable' })
    const stop = new AbortController()
    const waiting = errorOf(maps.get({ namespace: 'default', name: 'a' }, { signal: stop.signal }))
    stop.abort(new Error('enough'))
    expect(await waiting).toMatchObject({ message: 'enough' })
    proxied.proxy.pass()
    expect(isNotFound(await errorOf(maps.get({ namespace: 'default', name: 'a' })))).toBe(true)
  })

  it('retries a read when its connections break', async () => {
    await using proxied = await createProxiedClient(plane())
    const maps = proxied.kube.resource<ConfigMap>(configMaps)
    proxied.proxy.cut()
    const reading = maps.list({ namespace: 'default' })
    expect(await Promise.race([errorOf(reading), waitFor(() => proxied.proxy.requests.length >= 2)])).toBe(true)
    proxied.proxy.pass()
    expect((await reading).items).toEqual(expect.any(Array))
  })
})

function waitFor(isSo: () => boolean): Promise<boolean> {
  return waitUntil(isSo, { what: 'requests at the proxy' })
}
