import { expect, it } from 'vitest'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { configMaps } from './builtin-kinds.ts'
import { defineIndex } from './cache.ts'
import { createInformer } from './informer.ts'
import { createDirectClient, createTestNamespace, runParallel } from './testing/rig.ts'

const plane = withControlPlane()
const COUNT = 20_000
const byShard = defineIndex(configMaps, 'by shard', ({ metadata }) => [metadata.name.slice(-1)])

it('Informer lists 20,000 objects without blocking the event loop', async () => {
  await using kube = await createDirectClient(plane())
  const { namespace, maps } = await createTestNamespace(kube)
  const data = { x: 'y'.repeat(1_000) }
  await runParallel(COUNT, 32, (i) => maps.create({ metadata: { namespace, name: `m${i}` }, data }))
  for (const listMode of ['stream', 'pages'] as const) {
    await using informer = createInformer(maps, { namespace, listMode })
    let added = 0
    informer.on({ added: () => void (added += 1) })
    expect(informer.cache.byIndex(byShard, '7')).toEqual([])
    let turns = 0
    const countTurn = (): void => {
      turns += 1
      if (!informer.hasSynced) setImmediate(countTurn)
    }
    setImmediate(countTurn)
    informer.start()
    await informer.synced()
    expect(added).toBe(COUNT)
    expect(informer.cache.size).toBe(COUNT)
    expect(informer.cache.byIndex(byShard, '7')).toHaveLength(COUNT / 10)
    // A list that never yields leaves the event loop only a handful of turns.
    expect(turns).toBeGreaterThan(20)
    const { metadata } = await maps.patch({ namespace, name: 'm7' }, { data: { x: 'z' } })
    const seen = (): string | undefined => informer.cache.get(`${namespace}/m7`)?.metadata.resourceVersion
    await waitUntil(() => seen() === metadata.resourceVersion, { what: 'a change among them' })
  }
})
