/**
 * Creates the API client of a simulated process. Calls and watch events are messages, which the schedule (schedule.ts)
 * delivers.
 */
import type { Kube } from '../../kube/client.ts'
import type { WatchOptions } from '../../kube/list-watch.ts'
import type { Metrics } from '../../kube/metrics.ts'
import type { KubeObject, ResourceDef, WatchEvent } from '../../kube/types.ts'
import type { FakeApi } from '../fakes/api.ts'
import { ApiLink, type FailureOf } from './link.ts'
import type { Process } from './process.ts'
import { WatchStream } from './watch-stream.ts'

const noMetrics: Metrics = {
  inc: () => undefined,
  set: () => undefined,
  replace: () => undefined,
  observe: () => undefined,
  onScrape: () => () => undefined,
  text: async () => ({ contentType: 'text/plain', body: '' }),
  value: async () => 0,
}

const HEADERS_MS = 30_000

/** The open watches of all processes. */
export type WatchStreams = Set<WatchStream>

export interface SimulatedKubeOptions {
  failureOf: FailureOf
  /** The open watches. A watch is removed when it is closed. */
  streams: WatchStreams
  manager: string
}

export function createSimulatedKube(
  api: FakeApi,
  process: Process,
  { failureOf, streams, manager }: SimulatedKubeOptions,
): Kube {
  const link = new ApiLink(process, failureOf)
  const { clock } = process
  async function* watch<T extends KubeObject>(def: ResourceDef, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const { signal, idleMs } = options
    signal?.throwIfAborted()
    const stream: WatchStream = new WatchStream(process, def.plural, () => streams.delete(stream))
    try {
      const call = { name: `watch ${def.plural}`, hasEffect: false, signal }
      const act = (): void => {
        stream.open(api, def.plural, options)
        streams.add(stream)
      }
      await link.sendOnce(call, act, clock.now() + HEADERS_MS)
      yield* stream.events(signal, idleMs) as AsyncGenerator<WatchEvent<T>>
    } finally {
      stream.close()
    }
  }
  const kube: Kube = {
    ...api.kube(link, manager, clock),
    metrics: noMetrics,
    resource: <T extends KubeObject>(def: ResourceDef) => ({
      ...api.resource<T>(def, link, manager),
      watch: (options = {}) => watch<T>(def, options),
    }),
    as: () => kube,
  }
  return kube
}
