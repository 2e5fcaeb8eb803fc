/** A storm of creations, watched from outside: when was each server placed, when was it ready? */
import { findCondition, resourceDefOf, type Server, server } from '../../crds/index.ts'
import type { Kube } from '../../kube/client.ts'
import { createInformer } from '../../kube/informer.ts'
import { runParallel } from '../../kube/testing/rig.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { makeServer, serverDraft } from './projects.ts'

export interface StormOptions {
  kube: Kube
  projects: readonly string[]
  servers: number
  /** Creations under way at the same time. */
  atOnce: number
  signal: AbortSignal
  log: (line: string) => void
}

/** Seconds, from the first creation. */
export interface Storm {
  created: number
  placed: number
  ready: number
  /** From a server's creation to its placement as this process saw them, sorted. */
  waits: number[]
}

interface Seen {
  asked: number
  placed?: number
  ready?: number
}

export async function storm({ kube, projects, servers, atOnce, signal, log }: StormOptions): Promise<Storm> {
  const seen = new Map<string, Seen>()
  const ended = new AbortController()
  const informer = follow(kube, seen, AbortSignal.any([signal, ended.signal]))
  await informer.synced(signal)
  const begin = performance.now()
  const report = setInterval(() => log(progress(seen, begin)), 10_000)
  try {
    await runParallel(servers, atOnce, async (i) => {
      const name = `s${String(i).padStart(5, '0')}`
      seen.set(name, { asked: performance.now() })
      await makeServer(kube, serverDraft(projects[i % projects.length] ?? '', name))
    })
    const created = performance.now()
    const all = (what: 'placed' | 'ready') => () => [...seen.values()].every((s) => s[what] !== undefined)
    const wait = { deadline: 1_800_000, every: 100, signal }
    await waitUntil(all('placed'), { what: 'all servers to be placed', ...wait })
    await waitUntil(all('ready'), { what: 'all servers to be ready', ...wait })
    const last = (what: 'placed' | 'ready'): number => Math.max(...[...seen.values()].map((s) => s[what] ?? Number.NaN))
    const seconds = (at: number): number => (at - begin) / 1000
    const waits = [...seen.values()].map(({ asked, placed = Number.NaN }) => placed - asked).sort((a, b) => a - b)
    return { created: seconds(created), placed: seconds(last('placed')), ready: seconds(last('ready')), waits }
  } finally {
    clearInterval(report)
    ended.abort(new Error('the storm is over'))
  }
}

function follow(kube: Kube, seen: Map<string, Seen>, signal: AbortSignal) {
  const look = ({ metadata, status }: Server): void => {
    const entry = seen.get(metadata.name)
    if (!entry) return
    if (status?.host !== undefined) entry.placed ??= performance.now()
    if (findCondition(status?.conditions, 'Ready')?.status === 'True') entry.ready ??= performance.now()
  }
  // What is seen is all that is kept.
  const transform = ({ apiVersion, kind, metadata, spec, status }: Server): Server => {
    look({ apiVersion, kind, metadata, spec, ...(status ? { status } : {}) })
    return { apiVersion, kind, metadata: { ...metadata }, spec: { ...spec, networks: [] } }
  }
  return createInformer(kube.resource(resourceDefOf(server)), { transform }).start(signal)
}

function progress(seen: ReadonlyMap<string, Seen>, begin: number): string {
  const count = (what: keyof Seen): number => [...seen.values()].filter((s) => s[what] !== undefined).length
  return `${Math.round((performance.now() - begin) / 1000)} s: ${seen.size} asked, ${count('placed')} placed, ${count('ready')} ready`
}
