import { describe, expect, it } from 'vitest'
import { readKubeconfig } from '../test/rig/api.ts'
import { until } from '../test/rig/until.ts'
import { withControlPlane } from '../test/rig/vitest.ts'
import { applyIfChanged } from './apply.ts'
import { type ConfigMap, configMaps } from './builtin-kinds.ts'
import { ApiError, ignoreNotFound, isAlreadyExists, isConflict, isForbidden, isNotFound } from './errors.ts'
import { collectAll, createDirectClient, createProxiedClient, createTestNamespace } from './testing/rig.ts'

const plane = withControlPlane({ users: [{ name: 'ann', groups: ['painters'] }], audit: true })
const error = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (e: unknown) => e,
  )

describe('a resource', () => {
  it('is created, read, listed in pages, patched and deleted', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const made = await maps.create({ metadata: { namespace, name: 'a' }, data: { x: '1' } })
    expect(await maps.get(made.metadata)).toEqual(made)
    expect(isAlreadyExists(await error(maps.create({ metadata: { namespace, name: 'a' } })))).toBe(true)
    const merged = await maps.patch(made.metadata, { data: { y: '2' } })
    expect(merged.data).toEqual({ x: '1', y: '2' })
    const patched = await maps.patch(made.metadata, [{ op: 'remove', path: '/data/x' }])
    expect(patched.data).toEqual({ y: '2' })
    for (const name of ['b', 'c', 'd', 'e']) await maps.create({ metadata: { namespace, name } })
    const pages = await collectAll(maps.pages({ namespace, limit: 2 }))
    expect(pages.map((page) => page.items.map((item) => item.metadata.name))).toEqual([['a', 'b'], ['c', 'd'], ['e']])
    expect(pages[0]?.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' })
    const { uid } = made.metadata
    expect(isConflict(await error(maps.delete(made.metadata, { preconditions: { uid: 'another' } })))).toBe(true)
    await maps.delete(made.metadata, { preconditions: { uid } })
    expect(await ignoreNotFound(maps.get(made.metadata))).toBeUndefined()
  })

  it('is applied by field managers, each its own fields, with or without force, or only at a resourceVersion', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const metadata = { namespace, name: 'a' }
    const first = await maps.apply({ metadata, data: { x: '1' } }, { fieldManager: 'one' })
    await maps.apply({ metadata, data: { y: '1' } }, { fieldManager: 'two' })
    const refused = await error(maps.apply({ metadata, data: { x: '2' } }, { fieldManager: 'two', force: false }))
    expect(isConflict(refused)).toBe(true)
    expect(String(refused)).toContain('"one"')
    const stale = { metadata: { ...metadata, resourceVersion: first.metadata.resourceVersion }, data: { x: '3' } }
    expect(isConflict(await error(maps.apply(stale, { fieldManager: 'one' })))).toBe(true)
    // What a manager no longer sends, goes.
    const last = await maps.apply({ metadata, data: { z: '1' } }, { fieldManager: 'one' })
    expect(last.data).toEqual({ y: '1', z: '1' })
  })

  it('is not written when nothing would change', async () => {
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

  it('names no object by mistake', async () => {
    await using kube = await createDirectClient(plane())
    const maps = kube.resource<ConfigMap>(configMaps)
    await expect(maps.get({ namespace: 'default' })).rejects.toThrow('a name is needed')
    await expect(maps.delete({ name: 'a' })).rejects.toThrow('a namespace is needed')
    await expect(maps.create({ metadata: { name: 'a' } })).rejects.toThrow('a namespace is needed')
  })

  it('says which field was refused', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const refused = await error(maps.create({ metadata: { namespace, name: 'Not_A_Name' } }))
    expect(refused).toBeInstanceOf(ApiError)
    expect(refused).toMatchObject({ status: 422, reason: 'Invalid', details: { causes: [{ field: 'metadata.name' }] } })
  })
})

describe('on behalf of someone', () => {
  it('RBAC and the audit log see the person and every group', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace } = await createTestNamespace(kube)
    const bob = kube.as({ user: 'bob', groups: ['painters', 'night, shift'], extra: { 'example.com/why': ['test'] } })
    const refused = await error(bob.resource<ConfigMap>(configMaps).list({ namespace }))
    expect(isForbidden(refused)).toBe(true)
    expect(String(refused)).toContain('"bob"')
    const review = await bob.post<{ status: { userInfo: { username: string; groups: string[]; extra: object } } }>(
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    )
    expect(review.status.userInfo).toMatchObject({
      username: 'bob',
      groups: expect.arrayContaining(['painters', 'night, shift']),
      extra: { 'example.com/why': ['test'] },
    })
  })

  it('a token of their own goes alone, without ours', async () => {
    await using kube = await createDirectClient(plane())
    const { token = '' } = readKubeconfig(plane().kubeconfigOf('ann'))
    const refused = await error(kube.withToken(token).resource<ConfigMap>(configMaps).list({ namespace: 'default' }))
    expect(String(refused)).toContain('"ann"')
    expect(await error(kube.withToken('wrong').raw('/api/v1/nodes'))).toMatchObject({ status: 401 })
  })
})

describe('through a bad connection', () => {
  it('429 is retried after Retry-After, whatever the verb', async () => {
    await using there = await createProxiedClient(plane())
    const { namespace, maps } = await createTestNamespace(there.kube)
    there.proxy.answer({ status: 429, headers: { 'retry-after': '1' }, times: 2 })
    const started = performance.now()
    await maps.create({ metadata: { namespace, name: 'a' } })
    expect(performance.now() - started).toBeGreaterThanOrEqual(2_000)
    expect(there.proxy.requests.filter((r) => r.startsWith('POST') && r.includes(namespace))).toHaveLength(3)
  })

  it('500 is retried for reads and applies, not for creates', async () => {
    await using there = await createProxiedClient(plane())
    const { namespace, maps } = await createTestNamespace(there.kube)
    const broken = { status: 500, body: 'panic: oh' } as const
    there.proxy.answer({ ...broken, times: 1 })
    expect(await error(maps.create({ metadata: { namespace, name: 'a' } }))).toMatchObject({
      status: 500,
      message: expect.stringContaining('panic: oh'),
    })
    there.proxy.answer({ ...broken, times: 2 })
    await maps.apply({ metadata: { namespace, name: 'a' } })
    there.proxy.answer({ ...broken, times: 2 })
    expect((await maps.list({ namespace })).items).toHaveLength(1)
  })

  it('a server that never answers costs the timeout and no more; an abort costs nothing', async () => {
    await using there = await createProxiedClient(plane())
    const maps = there.kube.resource<ConfigMap>(configMaps)
    there.proxy.hang()
    const late = await error(maps.get({ namespace: 'default', name: 'a' }, { timeoutMs: 300 }))
    expect(late).toMatchObject({ status: 0, reason: 'Unreachable' })
    const stop = new AbortController()
    const waiting = error(maps.get({ namespace: 'default', name: 'a' }, { signal: stop.signal }))
    stop.abort(new Error('enough'))
    expect(await waiting).toMatchObject({ message: 'enough' })
    there.proxy.pass()
    expect(isNotFound(await error(maps.get({ namespace: 'default', name: 'a' })))).toBe(true)
  })

  it('a read survives connections that break', async () => {
    await using there = await createProxiedClient(plane())
    const maps = there.kube.resource<ConfigMap>(configMaps)
    there.proxy.cut()
    const reading = maps.list({ namespace: 'default' })
    expect(await Promise.race([error(reading), waitFor(() => there.proxy.requests.length >= 2)])).toBe(true)
    there.proxy.pass()
    expect((await reading).items).toEqual(expect.any(Array))
  })
})

function waitFor(look: () => boolean): Promise<boolean> {
  return until(look, { what: 'requests at the proxy' })
}
