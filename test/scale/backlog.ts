/** A backlog: what is to be placed is there before the scheduler starts. From then on nothing but the scheduler and the API server is at work. */
import { createInformer } from '../../kube/informer.ts'
import type { Resource } from '../../kube/resource.ts'
import type { KubeObject } from '../../kube/types.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { cpuSeconds } from './proc.ts'

export interface Backlog {
  /** From the first placement that was seen to the last: how many a second, and the scheduler's processor time for each, in ms. */
  perSecond: number
  cpu: number
}

/** @param start starts the scheduler; answers its pid */
export async function drain<T extends KubeObject>(
  resource: Resource<T>,
  isPlaced: (object: T) => boolean,
  count: number,
  start: () => Promise<number>,
): Promise<Backlog> {
  const placed = new Set<string>()
  const ended = new AbortController()
  const marks: { at: number; placed: number; cpu: number }[] = []
  let pid: number | undefined
  const look = (object: T): T => {
    const { uid = '', name = '' } = object.metadata
    if (isPlaced(object)) placed.add(uid || name)
    if (placed.size > 0 && marks.length === 0 && pid !== undefined) mark()
    return { apiVersion: object.apiVersion, kind: object.kind, metadata: { ...object.metadata } } as T
  }
  const mark = (): void =>
    void marks.push({
      at: performance.now(),
      placed: placed.size,
      cpu: pid === undefined ? Number.NaN : cpuSeconds(pid),
    })
  try {
    const informer = createInformer(resource, { transform: look }).start(ended.signal)
    await informer.synced()
    pid = await start()
    await waitUntil(() => placed.size >= count, { what: `${count} to be placed`, deadline: 900_000, every: 5 })
    mark()
    const [first, last] = [marks[0], marks.at(-1)]
    if (!first || !last || first === last) throw new Error('all were placed before anybody looked')
    const n = last.placed - first.placed
    return { perSecond: (n / (last.at - first.at)) * 1000, cpu: ((last.cpu - first.cpu) / n) * 1000 }
  } finally {
    ended.abort(new Error('all are placed'))
  }
}
