import { findCondition, resourceDefOf, type Server, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { createInformer } from '../../kube/informer.ts'
import { runParallel } from '../../kube/testing/rig.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { createServer, serverDraft } from './projects.ts'

export interface StormOptions {
  kube: Kube
  projects: readonly string[]
  servers: number
  /** Number of concurrent creations. */
  atOnce: number
  signal: AbortSignal
  log: (line: string) => void
}

/** Each time is in seconds, from the start of the storm until the last Server was created, placed or ready. */
export interface Storm {
  created: number
  placed: number
  ready: number
  /** Milliseconds from each Server's create request until the watch showed its placement, sorted. */
  waits: number[]
}

interface ServerTimes {
  createdAt: number
  placed?: number
  ready?: number
}

export async function runStorm({ kube, projects, servers, atOnce, signal, log }: StormOptions): Promise<Storm> {
  const seen = new Map<string, ServerTimes>()
  const ended = new AbortController()
  const informer = watchServers(kube, seen, AbortSignal.any([signal, ended.signal]))
  await informer.synced(signal)
  const begin = performance.now()
  const report = setInterval(() => log(formatProgress(seen, begin)), 10_000)
  try {
    await runParallel(servers, atOnce, async (i) => {
      const name = `s${String(i).padStart(5, '0')}`
      seen.set(name, { createdAt: performance.now() })
      await createServer(kube, serverDraft(projects[i % projects.length] ?? '', name))
    })
    const created = performance.now()
    const haveAll = (what: 'placed' | 'ready') => () => [...seen.values()].every((s) => s[what] !== undefined)
    const wait = { deadline: 1_800_000, every: 100, signal }
    await waitUntil(haveAll('placed'), { what: 'all servers to be placed', ...wait })
    await waitUntil(haveAll('ready'), { what: 'all servers to be ready', ...wait })
    const last = (what: 'placed' | 'ready'): number => Math.max(...[...seen.values()].map((s) => s[what] ?? Number.NaN))
    const seconds = (at: number): number => (at - begin) / 1000
    const waits = [...seen.values()]
      .map(({ createdAt, placed = Number.NaN }) => placed - createdAt)
      .sort((a, b) => a - b)
    return { created: seconds(created), placed: seconds(last('placed')), ready: seconds(last('ready')), waits }
  } finally {
    clearInterval(report)
    ended.abort(new Error('the storm is over'))
  }
}

function watchServers(kube: Kube, seen: Map<string, ServerTimes>, signal: AbortSignal) {
  const recordTimes = ({ metadata, status }: Server): void => {
    const entry = seen.get(metadata.name)
    if (!entry) return
    if (status?.host !== undefined) entry.placed ??= performance.now()
    if (findCondition(status?.conditions, 'Ready')?.status === 'True') entry.ready ??= performance.now()
  }
  // Leave status and networks out of the cache, to save memory.
  const transform = ({ apiVersion, kind, metadata, spec, status }: Server): Server => {
    recordTimes({ apiVersion, kind, metadata, spec, ...(status ? { status } : {}) })
    return { apiVersion, kind, metadata: { ...metadata }, spec: { ...spec, networks: [] } }
  }
  return createInformer(kube.resource(resourceDefOf(server)), { transform }).start(signal)
}

function formatProgress(seen: ReadonlyMap<string, ServerTimes>, begin: number): string {
  const count = (what: keyof ServerTimes): number => [...seen.values()].filter((s) => s[what] !== undefined).length
  return `${Math.round((performance.now() - begin) / 1000)} s: ${seen.size} created, ${count('placed')} placed, ${count('ready')} ready`
}
