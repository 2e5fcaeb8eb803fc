// Metrics as data: a definition (name, help, labels) is declared beside its user and listed for the docs; a `Metrics` holds the values.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import Counter from '@prometheus-io/client/lib/counter.js'
import Gauge from '@prometheus-io/client/lib/gauge.js'
import Histogram from '@prometheus-io/client/lib/histogram.js'
import Registry from '@prometheus-io/client/lib/registry.js'

export interface MetricDef<L extends string = string> {
  type: 'counter' | 'gauge' | 'histogram'
  name: string
  help: string
  labels: readonly L[]
  /** Upper bounds; seconds where the name says seconds. */
  buckets?: readonly number[]
}
export interface CounterDef<L extends string = string> extends MetricDef<L> {
  type: 'counter'
}
export interface GaugeDef<L extends string = string> extends MetricDef<L> {
  type: 'gauge'
}
export interface HistogramDef<L extends string = string> extends MetricDef<L> {
  type: 'histogram'
}

const definitions = new Map<string, MetricDef>()

function define<D extends MetricDef>(def: D): D {
  if (definitions.has(def.name)) throw new Error(`metric ${def.name} is defined twice`)
  definitions.set(def.name, def)
  return def
}

/** Every metric of the modules loaded so far, by name: the reference page is made from it. */
export const listMetrics = (): MetricDef[] => [...definitions.values()].sort((a, b) => a.name.localeCompare(b.name))

/** From 1 ms to 60 s: what a call or a reconcile takes. */
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export const defineCounter = <const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): CounterDef<L> => define({ type: 'counter', name, help, labels })
export const defineGauge = <const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): GaugeDef<L> => define({ type: 'gauge', name, help, labels })
export const defineHistogram = <const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
  buckets: readonly number[] = SECONDS,
): HistogramDef<L> => define({ type: 'histogram', name, help, labels, buckets })

type Labels<L extends string> = Record<L, string>

/** One process's (or one test's) values: its own registry, so that two can live side by side. */
export interface Metrics {
  inc<L extends string>(def: CounterDef<L>, labels: Labels<L>, by?: number): void
  set<L extends string>(def: GaugeDef<L>, labels: Labels<L>, value: number): void
  /** All samples of a gauge at once: what is not among them is no longer shown. */
  replace<L extends string>(def: GaugeDef<L>, samples: Iterable<readonly [Labels<L>, number]>): void
  observe<L extends string>(def: HistogramDef<L>, labels: Labels<L>, value: number): void
  /** Calls `fn` before each scrape, to set gauges that are cheaper to ask than to keep. Returns the function that stops it. */
  onScrape(fn: () => void): () => void
  /** The exposition text, and its Content-Type. */
  text(): Promise<{ contentType: string; body: string }>
  /** Sum of the samples now under these labels (of a histogram: the count); 0 if there is none. For tests, not for hot paths. */
  value(name: string, labels?: Record<string, string>): Promise<number>
}

const eventLoopLag = defineGauge(
  'nodejs_eventloop_lag_max_seconds',
  'Longest delay of the event loop since the last scrape.',
)
const heapUsed = defineGauge('process_heap_used_bytes', 'JavaScript heap in use.')
const resident = defineGauge('process_resident_memory_bytes', 'Resident memory.')

type Instrument = Counter<string> | Gauge<string> | Histogram<string>

function instrumentOf(def: MetricDef, registry: Registry): Instrument {
  const config = { name: def.name, help: def.help, labelNames: [...def.labels], registers: [registry] }
  if (def.type === 'counter') return new Counter(config)
  if (def.type === 'gauge') return new Gauge(config)
  return new Histogram({ ...config, buckets: [...(def.buckets ?? SECONDS)] })
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const made = new Map<string, Instrument>()
  const scrapers = new Set<() => void>()
  const instrument = (def: MetricDef): Instrument => {
    const known = made.get(def.name)
    if (known) return known
    const fresh = instrumentOf(def, registry)
    made.set(def.name, fresh)
    return fresh
  }
  const scrape = (): void => {
    for (const fn of scrapers) fn()
  }
  return {
    inc(def, labels, by = 1) {
      const it = instrument(def)
      if (it instanceof Counter) it.inc(labels, by)
    },
    set(def, labels, value) {
      const it = instrument(def)
      if (it instanceof Gauge) it.set(labels, value)
    },
    replace(def, samples) {
      const it = instrument(def)
      if (!(it instanceof Gauge)) return
      it.reset()
      for (const [labels, value] of samples) it.set(labels, value)
    },
    observe(def, labels, value) {
      const it = instrument(def)
      if (it instanceof Histogram) it.observe(labels, value)
    },
    onScrape(fn) {
      scrapers.add(fn)
      return () => void scrapers.delete(fn)
    },
    async text() {
      scrape()
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
    async value(name, labels = {}) {
      scrape()
      const samples = (await made.get(name)?.get())?.values ?? []
      const wanted = Object.entries(labels)
      return samples
        .filter(
          (sample) =>
            !('metricName' in sample) ||
            sample.metricName === undefined ||
            sample.metricName === name ||
            sample.metricName === `${name}_count`,
        )
        .filter((sample) => wanted.every(([label, value]) => Reflect.get(sample.labels, label) === value))
        .reduce((sum, sample) => sum + sample.value, 0)
    },
  }
}

/** Adds the process's own gauges (event-loop lag, heap, resident memory) until the returned function is called. */
export function exposeProcessMetrics(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  const stop = metrics.onScrape(() => {
    metrics.set(eventLoopLag, {}, delay.max / 1e9)
    delay.reset()
    const memory = process.memoryUsage()
    metrics.set(heapUsed, {}, memory.heapUsed)
    metrics.set(resident, {}, memory.rss)
  })
  return () => {
    stop()
    delay.disable()
  }
}
