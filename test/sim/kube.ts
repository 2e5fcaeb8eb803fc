/** A client of the simulated API server for one process, as createKube() makes one of the real: calls and watches that the schedule lets through. */
import type { Kube } from '../../kube/client.ts'
import type { WatchOptions } from '../../kube/list-watch.ts'
import type { Metrics } from '../../kube/metrics.ts'
import type { KubeObject, ResourceDef, WatchEvent } from '../../kube/types.ts'
import type { FakeApi } from '../fakes/api.ts'
import { ApiLink, type Fate } from './link.ts'
import type { Process } from './process.ts'
import { Stream } from './stream.ts'

/** Nobody scrapes. */
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

/** Streams that are open, by which the faults find them. */
export type Streams = Set<Stream>

export function simulatedKube(api: FakeApi, process: Process, fate: Fate, streams: Streams, manager: string): Kube {
  const link = new ApiLink(process, fate)
  const { clock } = process
  async function* watch<T extends KubeObject>(def: ResourceDef, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const { signal, idleMs } = options
    signal?.throwIfAborted()
    const stream: Stream = new Stream(process, def.plural, () => streams.delete(stream))
    try {
      const call = { name: `watch ${def.plural}`, effect: false, signal }
      const act = (): void => {
        stream.open(api, def.plural, options)
        streams.add(stream)
      }
      await link.once(call, act, clock.now() + HEADERS_MS)
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
