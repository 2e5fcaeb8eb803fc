/**
 * Measures how long the first list of ConfigMaps of 1 kB takes, streamed and in pages, and for how long it blocks the
 * event loop at most. Prints lines `name value unit`.
 * Usage: node --expose-gc test/bench/informer.ts [objects]
 */
import { rmSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { configMaps } from '../../kube/builtin-kinds.ts'
import { defineIndex } from '../../kube/cache.ts'
import { createInformer } from '../../kube/informer.ts'
import type { ListMode } from '../../kube/lister.ts'
import { createDirectClient, createTestNamespace, runParallel } from '../../kube/testing/rig.ts'
import { startControlPlane } from '../rig/control-plane.ts'
import { createScratchDirectory } from '../rig/scratch.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { medianOf, printFigure } from './lib/figures.ts'

const OBJECTS = Number(process.argv[2] ?? 20_000)
const ROUNDS = 5
const byName = defineIndex(configMaps, 'by name', ({ metadata }) => [metadata.name])

const dir = createScratchDirectory()
const plane = await startControlPlane({ dir, owned: true })
try {
  await using kube = await createDirectClient(plane)
  const { namespace, maps } = await createTestNamespace(kube)
  const data = { x: 'y'.repeat(1_000) }
  const started = performance.now()
  await runParallel(OBJECTS, 32, (i) => maps.create({ metadata: { namespace, name: `m${i}` }, data }))
  printFigure('informer_create_rate', (OBJECTS * 1000) / (performance.now() - started), 'objects/s')

  const list = async (listMode: ListMode): Promise<{ ms: number; stall: number }> => {
    globalThis.gc?.()
    const delay = monitorEventLoopDelay({ resolution: 1 })
    await using informer = createInformer(maps, { namespace, listMode })
    informer.cache.byIndex(byName, '')
    delay.enable()
    const begun = performance.now()
    informer.start()
    await informer.synced()
    const ms = performance.now() - begun
    delay.disable()
    return { ms, stall: delay.max / 1e6 }
  }
  for (const mode of ['stream', 'pages'] as const) {
    const rounds: { ms: number; stall: number }[] = []
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await list(mode))
    printFigure(`informer_list_${mode}`, medianOf(rounds.map(({ ms }) => ms)), 'ms')
    printFigure(`informer_list_${mode}_longest_stall`, Math.max(...rounds.map(({ stall }) => stall)), 'ms')
  }

  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  await using informer = createInformer(maps, { namespace }).start()
  await informer.synced()
  globalThis.gc?.()
  printFigure('informer_heap_per_object', (process.memoryUsage().heapUsed - before) / OBJECTS, 'bytes')

  const latencies: number[] = []
  for (let i = 0; i < 200; i += 1) {
    const written = performance.now()
    const { metadata } = await maps.patch({ namespace, name: `m${i}` }, { data: { i: String(i) } })
    const key = `${namespace}/m${i}`
    const seen = (): boolean => informer.cache.get(key)?.metadata.resourceVersion === metadata.resourceVersion
    await waitUntil(seen, { what: key, every: 1 })
    latencies.push(performance.now() - written)
  }
  printFigure('informer_write_to_cache', medianOf(latencies), 'ms')
} finally {
  await plane.stop()
  rmSync(dir, { recursive: true, force: true })
}
