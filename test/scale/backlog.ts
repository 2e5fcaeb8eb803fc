/**
 * Measures how fast a scheduler (our controller or kube-scheduler) places Servers or Pods. All of them exist before the
 * scheduler starts, so that nothing else loads the API server meanwhile.
 */
import { createInformer } from '../../kube/informer.ts'
import type { Resource } from '../../kube/resource.ts'
import type { KubeObject } from '../../kube/types.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { cpuSeconds } from './process-stats.ts'

export interface PlacingSpeed {
  /** Placements per second between the first and the last placement that the watch shows. */
  perSecond: number
  /** CPU time of the scheduler per placement, in ms. */
  cpuMs: number
}

/** @param start starts the scheduler's process and resolves to its pid */
export async function measureBacklog<T extends KubeObject>(
  resource: Resource<T>,
  isPlaced: (object: T) => boolean,
  count: number,
  start: () => Promise<number>,
): Promise<PlacingSpeed> {
  const placed = new Set<string>()
  const ended = new AbortController()
  const samples: { at: number; placed: number; cpu: number }[] = []
  let pid: number | undefined
  const countPlaced = (object: T): T => {
    const { uid = '', name = '' } = object.metadata
    if (isPlaced(object)) placed.add(uid || name)
    if (placed.size > 0 && samples.length === 0 && pid !== undefined) addSample()
    return { apiVersion: object.apiVersion, kind: object.kind, metadata: { ...object.metadata } } as T
  }
  const addSample = (): void =>
    void samples.push({
      at: performance.now(),
      placed: placed.size,
      cpu: pid === undefined ? Number.NaN : cpuSeconds(pid),
    })
  try {
    const informer = createInformer(resource, { transform: countPlaced }).start(ended.signal)
    await informer.synced()
    pid = await start()
    await waitUntil(() => placed.size >= count, { what: `${count} to be placed`, deadline: 900_000, every: 5 })
    addSample()
    const [first, last] = [samples[0], samples.at(-1)]
    if (!first || !last || first === last) throw new Error('all were placed before the first sample')
    const placements = last.placed - first.placed
    return {
      perSecond: (placements / (last.at - first.at)) * 1000,
      cpuMs: ((last.cpu - first.cpu) / placements) * 1000,
    }
  } finally {
    ended.abort(new Error('all are placed'))
  }
}
