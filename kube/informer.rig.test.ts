import { describe, expect, it } from 'vitest'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { type ConfigMap, configMaps } from './builtin-kinds.ts'
import { defineIndex } from './cache.ts'
import type { Kube } from './client.ts'
import { createInformer, type Informer, type InformerOptions } from './informer.ts'
import { createMetrics } from './metrics.ts'
import type { Resource } from './resource.ts'
import { createDirectClient, createProxiedClient, createTestNamespace, runParallel } from './testing/rig.ts'
import { type KubeObject, keyOf, type ResourceDef } from './types.ts'

const plane = withControlPlane()

async function waitUntilEqual(
  informer: Informer<ConfigMap>,
  maps: Resource<ConfigMap>,
  namespace: string,
  deadline = 30_000,
): Promise<number> {
  return waitUntil(
    async () => {
      const wanted = versions((await maps.list({ namespace })).items)
      const seen = versions(informer.cache.list())
      return JSON.stringify(wanted) === JSON.stringify(seen) ? wanted.length + 1 : undefined
    },
    { what: 'the cache to equal the server', deadline, every: 100 },
  ).then((n) => n - 1)
}

const versions = (items: ConfigMap[]): string[] =>
  items.map((item) => `${keyOf(item.metadata)}@${item.metadata.uid}@${item.metadata.resourceVersion}`).sort()

/** The objects that a consumer knows if it only handles events. In the end they must equal the cache. */
function collectEvents(informer: Informer<ConfigMap>): Map<string, ConfigMap> {
  const known = new Map<string, ConfigMap>()
  informer.on({
    added(object) {
      if (known.has(keyOf(object.metadata))) throw new Error(`${object.metadata.name} was added twice`)
      known.set(keyOf(object.metadata), object)
    },
    updated(old, now) {
      if (known.get(keyOf(now.metadata)) !== old) throw new Error(`${now.metadata.name}: old is not what was told last`)
      if (old.metadata.uid !== now.metadata.uid) throw new Error(`${now.metadata.name}: another object`)
      known.set(keyOf(now.metadata), now)
    },
    deleted(last) {
      if (!known.delete(keyOf(last.metadata))) throw new Error(`${last.metadata.name} was never added`)
    },
  })
  return known
}

function createTestInformer(
  kube: Kube,
  maps: Resource<ConfigMap>,
  options: InformerOptions<ConfigMap>,
): Informer<ConfigMap> {
  return createInformer(maps, { metrics: kube.metrics, ...options })
}
const watchesEnded = (kube: Kube, end: string): Promise<number> =>
  kube.metrics.value('reflector_watches_total', { end })
const isWatch = (request: string): boolean => request.includes('watch=true') && !request.includes('sendInitialEvents')
const countLists = (proxy: { requests: readonly string[] }, namespace: string): number =>
  proxy.requests.filter(
    (r) => r.includes(`${namespace}/configmaps?`) && (r.includes('limit=') || r.includes('sendInitialEvents')),
  ).length

const byColor = defineIndex(configMaps, 'by color', (m) => [m.data?.['color']])

describe.each(['stream', 'pages'] as const)('Informer with listMode %s', (listMode) => {
  it('caches frozen objects without managedFields and finds them by index after each change', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    await maps.create({ metadata: { namespace, name: 'before' }, data: { color: 'red' } })
    await using informer = createTestInformer(kube, maps, {
      namespace,
      listMode,
    })
    const known = collectEvents(informer)
    informer.start()
    await informer.synced()
    expect(informer.hasSynced).toBe(true)
    const red = informer.cache.byIndex(byColor, 'red')
    expect(red.map((m) => m.metadata.name)).toEqual(['before'])
    expect(Object.isFrozen(red[0]?.data)).toBe(true)
    expect(red[0]?.metadata).not.toHaveProperty('managedFields')
    expect(red[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' })
    await maps.patch({ namespace, name: 'before' }, { data: { color: 'blue' } })
    await maps.create({ metadata: { namespace, name: 'after' }, data: { color: 'blue' } })
    await waitUntil(() => informer.cache.byIndex(byColor, 'blue').length === 2, { what: 'two blue ones' })
    expect(informer.cache.byIndex(byColor, 'red')).toEqual([])
    await maps.delete({ namespace, name: 'before' })
    expect(await waitUntilEqual(informer, maps, namespace)).toBe(1)
    expect([...known.values()]).toEqual(informer.cache.list())
    expect(await kube.metrics.value('informer_handler_errors_total')).toBe(0)
  })

  it('caches only the objects that its selectors match when labels change', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    const mine = { labels: { host: 'a' } }
    await maps.create({ metadata: { namespace, name: 'x', ...mine } })
    await maps.create({ metadata: { namespace, name: 'y' } })
    await using byLabel = createTestInformer(kube, maps, { namespace, listMode, labelSelector: 'host=a' }).start()
    await using byField = createTestInformer(kube, maps, {
      namespace,
      listMode,
      fieldSelector: 'metadata.name=y',
    }).start()
    await Promise.all([byLabel.synced(), byField.synced()])
    expect([...byLabel.cache.keys(), ...byField.cache.keys()]).toEqual([`${namespace}/x`, `${namespace}/y`])
    await maps.patch({ namespace, name: 'y' }, { metadata: mine })
    await maps.patch({ namespace, name: 'x' }, { metadata: { labels: { host: 'b' } } })
    await waitUntil(() => [...byLabel.cache.keys()].join() === `${namespace}/y`, { what: 'y in place of x' })
  })
})

describe('Informer', () => {
  it('watches again without a new list when its watch breaks or ends', async () => {
    await using proxied = await createProxiedClient(plane())
    const { namespace, maps } = await createTestNamespace(proxied.kube)
    await using informer = createTestInformer(proxied.kube, maps, { namespace, watchSeconds: () => 1 })
    collectEvents(informer)
    informer.start()
    await informer.synced()
    for (let i = 0; i < 5; i += 1) {
      proxied.proxy.drop()
      await maps.create({ metadata: { namespace, name: `c${i}` } })
      await waitUntil(() => informer.cache.size === i + 1, { what: `c${i}` })
    }
    await waitUntil(async () => (await watchesEnded(proxied.kube, 'ended')) >= 1, {
      what: 'a watch that the server ended',
    })
    expect(countLists(proxied.proxy, namespace)).toBe(1)
    expect(await waitUntilEqual(informer, maps, namespace)).toBe(5)
  })

  it('reconnects when its connection has become silent', async () => {
    await using proxied = await createProxiedClient(plane())
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    await using informer = createTestInformer(proxied.kube, proxied.kube.resource<ConfigMap>(maps.def), {
      namespace,
      watchSeconds: () => 1,
    })
    informer.start()
    await informer.synced()
    await waitUntil(() => proxied.proxy.requests.some(isWatch), { what: 'its watch' })
    proxied.proxy.freeze()
    await maps.create({ metadata: { namespace, name: 'unheard' } })
    await waitUntil(() => informer.cache.has(`${namespace}/unheard`), {
      what: 'the object behind the silence',
      deadline: 15_000,
    })
    expect(await watchesEnded(proxied.kube, 'silent')).toBeGreaterThan(0)
    expect(countLists(proxied.proxy, namespace)).toBe(1)
  })

  it('keeps the resourceVersion of a quiet kind fresh by bookmarks', async () => {
    await using proxied = await createProxiedClient(plane())
    const { namespace, maps } = await createTestNamespace(proxied.kube)
    // No object matches, so only the bookmark at the end of each watch raises the informer's resourceVersion.
    await using informer = createTestInformer(proxied.kube, maps, {
      namespace,
      labelSelector: 'never=there',
      watchSeconds: () => 5,
    })
    informer.start()
    await informer.synced()
    const { metadata } = await maps.create({ metadata: { namespace, name: 'other' } })
    const fresh = (request: string): boolean => {
      const from = new URLSearchParams(request.split('?')[1]).get('resourceVersion')
      return isWatch(request) && Number(from) >= Number(metadata.resourceVersion)
    }
    // The bookmark of the present watch may be older than the creation of `other`, and only a later event raises the
    // version. So the test goes on creating objects.
    const createAnother = async (): Promise<boolean> => {
      await maps.create({ metadata: { namespace, generateName: 'other-' } })
      return proxied.proxy.requests.some(fresh)
    }
    await waitUntil(createAnother, { what: 'a watch from a newer version', every: 250 })
    expect(await proxied.kube.metrics.value('reflector_events_total', { type: 'BOOKMARK' })).toBeGreaterThan(0)
    expect(await proxied.kube.metrics.value('reflector_lists_total')).toBe(1)
  })

  it('lists anew after a 410 status or event, and reports the objects that were deleted meanwhile', async () => {
    await using proxied = await createProxiedClient(plane())
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    await using informer = createTestInformer(proxied.kube, proxied.kube.resource<ConfigMap>(maps.def), { namespace })
    const known = collectEvents(informer)
    const unknown: string[] = []
    informer.on({ deleted: (last, { finalStateUnknown }) => finalStateUnknown && unknown.push(last.metadata.name) })
    for (const name of ['stays', 'goes', 'reborn']) await maps.create({ metadata: { namespace, name } })
    informer.start()
    await informer.synced()
    const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
    const only = ({ url }: { url: string }): boolean => url.includes('watch=true') && !url.includes('sendInitialEvents')
    proxied.proxy.hang()
    for (const name of ['goes', 'reborn']) await maps.delete({ namespace, name })
    await maps.create({ metadata: { namespace, name: 'reborn' } })
    proxied.proxy.answer({ status: 410, body: gone, only, times: 2 })
    proxied.proxy.answer({ status: 200, body: `${JSON.stringify({ type: 'ERROR', object: gone })}\n`, only, times: 2 })
    proxied.proxy.drop()
    const answered = proxied.proxy.answered()
    proxied.proxy.pass()
    await answered
    expect(await waitUntilEqual(informer, maps, namespace)).toBe(2)
    expect(unknown.sort()).toEqual(['goes', 'reborn'])
    expect([...known.keys()].sort()).toEqual([...informer.cache.keys()].sort())
    expect(await watchesEnded(proxied.kube, 'gone')).toBe(4)
  })

  it('recovers when lists and watches are answered with 429, 500 and HTML', async () => {
    await using proxied = await createProxiedClient(plane())
    const { namespace, maps } = await createTestNamespace(proxied.kube)
    await maps.create({ metadata: { namespace, name: 'a' } })
    const only = ({ url }: { url: string }): boolean => url.includes(`${namespace}/configmaps?`)
    for (const status of [429, 500, 503, 200])
      proxied.proxy.answer({ status, body: '<html>busy</html>', headers: { 'retry-after': '0' }, only, times: 1 })
    await using informer = createTestInformer(proxied.kube, maps, { namespace }).start()
    await informer.synced()
    for (const status of [429, 500, 200]) proxied.proxy.answer({ status, body: '<html>busy</html>', only, times: 1 })
    const answered = proxied.proxy.answered()
    proxied.proxy.drop()
    await answered
    await maps.create({ metadata: { namespace, name: 'b' } })
    await waitUntil(() => informer.cache.size === 2, { what: 'b' })
  })

  it('follows further changes after kill -9 of the API server', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace, maps } = await createTestNamespace(kube)
    await using informer = createTestInformer(kube, maps, { namespace }).start()
    await informer.synced()
    await maps.create({ metadata: { namespace, name: 'a' } })
    await plane().restart('kube-apiserver')
    await maps.create({ metadata: { namespace, name: 'b' } })
    expect(await waitUntilEqual(informer, maps, namespace)).toBe(2)
  })

  it('starts when its kind is created later', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace } = await createTestNamespace(kube)
    const def = { group: 'test.example.com', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }
    const things = kube.resource<ConfigMap>(def)
    await using informer = createInformer(things, { namespace }).start()
    await kube.resource<KubeObject>(customResourceDefinitions).create(thingCrd)
    await informer.synced(AbortSignal.timeout(40_000))
    await waitUntil(() => things.create({ metadata: { namespace, name: 'a' } }).then(() => true), { what: 'a Thing' })
    await waitUntil(() => informer.cache.size === 1, { what: 'the Thing in the cache' })
  })

  it('rejects synced() when it is disposed of or the signal aborts', async () => {
    await using proxied = await createProxiedClient(plane())
    const { namespace, maps } = await createTestNamespace(proxied.kube)
    proxied.proxy.hang()
    const informer = createTestInformer(proxied.kube, maps, { namespace }).start()
    const waiting = informer.synced()
    await informer[Symbol.asyncDispose]()
    await expect(waiting).rejects.toThrow('was stopped')
    await expect(informer.synced(AbortSignal.abort(new Error('mine')))).rejects.toThrow('mine')
  })
})

it('Informer has the same objects as the server in the end, after any sequence of connection failures', async () => {
  await using proxied = await createProxiedClient(plane(), { timeoutMs: 5_000 })
  await using kube = await createDirectClient(plane())
  const { namespace, maps } = await createTestNamespace(kube)
  const informers = (['stream', 'pages'] as const).map((listMode) =>
    createTestInformer(proxied.kube, proxied.kube.resource<ConfigMap>(maps.def), {
      namespace,
      listMode,
      watchSeconds: () => 1,
      metrics: createMetrics(),
    }),
  )
  await using closing = new AsyncDisposableStack()
  for (const informer of informers) closing.use(informer)
  const known = informers.map((informer) => collectEvents(informer.start()))
  const seed = Math.floor(Math.random() * 2 ** 31)
  const random = createRandom(seed)
  const gone = { kind: 'Status', code: 410, reason: 'Expired' }
  const faults = [
    () => proxied.proxy.drop(),
    () => proxied.proxy.freeze(),
    () => proxied.proxy.answer({ status: 410, body: gone, only: ({ url }) => url.includes('watch=true'), times: 1 }),
    () => proxied.proxy.answer({ status: 429, headers: { 'retry-after': '1' }, times: 1 }),
    () => proxied.proxy.answer({ status: 500, body: 'panic', times: 1 }),
    () =>
      proxied.proxy.answer({
        status: 200,
        body: `${JSON.stringify({ type: 'ERROR', object: gone })}\n`,
        only: ({ url }) => url.includes('watch=true'),
        times: 1,
      }),
  ]
  const step = async (i: number): Promise<void> => {
    const ref = { namespace, name: `m${Math.floor(random() * 12)}` }
    if (i % 15 === 7) faults[Math.floor(random() * faults.length)]?.()
    // Two workers may choose the same name at once; then one delete fails.
    if (random() < 0.4) await maps.delete(ref).catch(() => undefined)
    else await maps.apply({ metadata: ref, data: { i: String(i) } })
  }
  for (let round = 0; round < 5; round += 1) {
    await runParallel(60, 3, step)
    for (const [n, informer] of informers.entries()) {
      await waitUntilEqual(informer, maps, namespace, 60_000).catch((error: unknown) => {
        throw new Error(`seed ${seed}, round ${round}, informer ${n}`, { cause: error })
      })
      expect(versions([...(known[n]?.values() ?? [])])).toEqual(versions(informer.cache.list()))
    }
  }
}, 300_000)

/** Makes random numbers with mulberry32. A failing test prints its seed, with which the test can be repeated. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const customResourceDefinitions: ResourceDef = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const thingCrd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.test.example.com' },
  spec: {
    group: 'test.example.com',
    scope: 'Namespaced',
    names: { plural: 'things', singular: 'thing', kind: 'Thing' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}
