// Metrics are declared as data, beside the code that uses them. A `Metrics` object holds the values.

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
  /** Upper bounds of a histogram's buckets, in the unit with which the metric's name ends. */
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

function register<D extends MetricDef>(def: D): D {
  if (definitions.has(def.name)) throw new Error(`metric ${def.name} is defined twice`)
  definitions.set(def.name, def)
  return def
}

export const listMetrics = (): MetricDef[] => [...definitions.values()].sort((a, b) => a.name.localeCompare(b.name))

/** In seconds: the range in which calls of the API server and reconciles usually are. */
const DEFAULT_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export const defineCounter = <const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): CounterDef<L> => register({ type: 'counter', name, help, labels })
export const defineGauge = <const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): GaugeDef<L> => register({ type: 'gauge', name, help, labels })
export const defineHistogram = <const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
  buckets: readonly number[] = DEFAULT_BUCKETS,
): HistogramDef<L> => register({ type: 'histogram', name, help, labels, buckets })

type Labels<L extends string> = Record<L, string>

export interface Metrics {
  inc<L extends string>(def: CounterDef<L>, labels: Labels<L>, by?: number): void
  set<L extends string>(def: GaugeDef<L>, labels: Labels<L>, value: number): void
  /** Sets these samples, and removes all other samples of the gauge. */
  replace<L extends string>(def: GaugeDef<L>, samples: Iterable<readonly [Labels<L>, number]>): void
  observe<L extends string>(def: HistogramDef<L>, labels: Labels<L>, value: number): void
  /** For gauges that are cheaper to compute at a scrape than at each change. Returns a function that removes `fn`. */
  onScrape(fn: () => void): () => void
  text(): Promise<{ contentType: string; body: string }>
  /**
   * The sum of all samples that have these labels; for a histogram, of their counts. 0 if there is none. Slow, for
   * tests only.
   */
  value(name: string, labels?: Record<string, string>): Promise<number>
}

const eventLoopLag = defineGauge(
  'nodejs_eventloop_lag_max_seconds',
  'Longest delay of the event loop since the last scrape.',
)
const heapUsed = defineGauge('process_heap_used_bytes', 'JavaScript heap in use.')
const resident = defineGauge('process_resident_memory_bytes', 'Resident memory.')

type Instrument = Counter<string> | Gauge<string> | Histogram<string>

function createInstrument(def: MetricDef, registry: Registry): Instrument {
  const config = { name: def.name, help: def.help, labelNames: [...def.labels], registers: [registry] }
  if (def.type === 'counter') return new Counter(config)
  if (def.type === 'gauge') return new Gauge(config)
  return new Histogram({ ...config, buckets: [...(def.buckets ?? DEFAULT_BUCKETS)] })
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const instruments = new Map<string, Instrument>()
  const scrapers = new Set<() => void>()
  const instrumentFor = (def: MetricDef): Instrument => {
    const known = instruments.get(def.name)
    if (known) return known
    const fresh = createInstrument(def, registry)
    instruments.set(def.name, fresh)
    return fresh
  }
  const scrape = (): void => {
    for (const fn of scrapers) fn()
  }
  return {
    inc(def, labels, by = 1) {
      const instrument = instrumentFor(def)
      if (instrument instanceof Counter) instrument.inc(labels, by)
    },
    set(def, labels, value) {
      const instrument = instrumentFor(def)
      if (instrument instanceof Gauge) instrument.set(labels, value)
    },
    replace(def, samples) {
      const instrument = instrumentFor(def)
      if (!(instrument instanceof Gauge)) return
      instrument.reset()
      for (const [labels, value] of samples) instrument.set(labels, value)
    },
    observe(def, labels, value) {
      const instrument = instrumentFor(def)
      if (instrument instanceof Histogram) instrument.observe(labels, value)
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
      const samples = (await instruments.get(name)?.get())?.values ?? []
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

/** A shorter interval would wake an idle process more often. */
const LAG_RESOLUTION_MS = 100

/** Sets event-loop lag, heap and resident memory at each scrape, until the returned function is called. */
export function exposeProcessMetrics(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
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
