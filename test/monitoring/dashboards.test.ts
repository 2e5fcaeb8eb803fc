// Each expression is valid PromQL and uses metrics and labels that exist.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../manifests.ts'
import { findUnknown } from './known-metrics.ts'
import { metricsIn } from './promql.ts'

interface PanelFile {
  title: string
  description: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets: { expr: string; legendFormat: string }[]
}
interface DashboardFile {
  uid: string
  title: string
  templating: { list: { name: string; query: string }[] }
  panels: PanelFile[]
}

const folder = join(root, 'charts/kubenova/dashboards')
const files = globSync('*.json', { cwd: folder }).toSorted()
const dashboards = files.map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as DashboardFile)

const withoutVariables = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(host|job)\b/g, 'a')

it('there are the dashboards fleet, host and control plane', () => {
  expect(files).toEqual(['control-plane.json', 'fleet.json', 'host.json'])
  expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(3)
})

describe.each(dashboards.map((dashboard) => [dashboard.title, dashboard] as const))('%s', (_, dashboard) => {
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

  it('uses only metrics and labels that exist', () => {
    expect(expressions.flatMap((expr) => findUnknown(withoutVariables(expr)))).toEqual([])
    expect(expressions.length).toBeGreaterThan(10)
  })

  it('declares each variable that it uses, and uses each that it declares', () => {
    const used = new Set(expressions.flatMap((expr) => [...expr.matchAll(/\$(?!__)(\w+)/g)].map(([, name]) => name)))
    expect(new Set([...used, 'datasource'])).toEqual(new Set(dashboard.templating.list.map(({ name }) => name)))
  })

  it('gets the values of its variables from metrics that exist', () => {
    const queries = dashboard.templating.list.flatMap(
      ({ query }) => /^label_values\((.*), \w+\)$/.exec(query)?.[1] ?? [],
    )
    expect(queries.flatMap((query) => findUnknown(query))).toEqual([])
  })

  it('has no panels that overlap, and describes each', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([])
    expect(dashboard.panels.filter(({ description }) => description.length < 10)).toEqual([])
  })
})

it('an expression with an unknown metric or label is found', () => {
  expect(findUnknown('sum by (colour) (rate(workqueue_adds_total{shape="round"}[5m])) / no_such_metric')).toEqual([
    'workqueue_adds_total{shape}',
    'no_such_metric',
    'colour',
  ])
  expect(() => metricsIn('sum by (rate(')).toThrow('no PromQL')
})
