// Parses PromQL with Prometheus's own grammar.
import { parser } from '@prometheus-io/lezer-promql'

export interface MetricUse {
  name: string
  labels: string[]
}

/** Suffixes of the series of a histogram. */
const histogramSuffix = /_(bucket|sum|count)$/

/** A series of a histogram counts as the histogram. Throws if the expression is not valid PromQL. */
export function metricsIn(expr: string): MetricUse[] {
  const found: MetricUse[] = []
  const textOf = ({ from, to }: { from: number; to: number }): string => expr.slice(from, to)
  parser.parse(expr).iterate({
    enter: (node) => {
      if (node.type.isError) throw new Error(`no PromQL at column ${node.from}: ${expr}`)
      if (node.name !== 'VectorSelector') return
      const labels = node.node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
      const name = node.node.getChild('Identifier')
      if (!name) throw new Error(`a selector without the name of a metric: ${expr}`)
      found.push({
        name: textOf(name).replace(histogramSuffix, ''),
        labels: labels.map((matcher) => textOf(matcher.getChild('LabelName') ?? { from: 0, to: 0 })),
      })
    },
  })
  return found
}

export function groupingLabelsIn(expr: string): string[] {
  const found: string[] = []
  parser.parse(expr).iterate({
    enter: ({ name, node }) => {
      if (name === 'GroupingLabels')
        found.push(...node.getChildren('LabelName').map(({ from, to }) => expr.slice(from, to)))
    },
  })
  return found
}
