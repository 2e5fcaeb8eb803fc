import { allMetrics } from '../../hack/generate/metrics.ts'
import { groupingLabelsIn, metricsIn } from './promql.ts'

/** Labels that Prometheus or the chart's monitors add, and the label of the buckets of a histogram. */
const targetLabels = ['job', 'instance', 'node', 'le']

const definitions = new Map(allMetrics().map(({ name, labels }) => [name, labels]))
// Prometheus itself makes this metric for each target.
definitions.set('up', [])

export function findUnknown(expr: string): string[] {
  const uses = metricsIn(expr)
  const known = [...targetLabels, ...uses.flatMap(({ name }) => definitions.get(name) ?? [])]
  return [
    ...uses.flatMap(({ name, labels }) => {
      const own = definitions.get(name)
      if (!own) return [name]
      return labels.filter((label) => ![...targetLabels, ...own].includes(label)).map((label) => `${name}{${label}}`)
    }),
    ...groupingLabelsIn(expr).filter((label) => !known.includes(label)),
  ]
}
