/** Renders dashboards of Grafana. */

export type Unit = 'short' | 's' | 'bytes' | 'mbytes' | 'gbytes' | 'percentunit' | 'reqps' | 'ops'

export interface Panel {
  title: string
  description: string
  /** stat: one large number for each query; timeseries: curves. */
  type: 'stat' | 'timeseries'
  unit: Unit
  queries: readonly (readonly [expr: string, legend: string])[]
}

export interface Dashboard {
  uid: string
  title: string
  description: string
  /**
   * The variables that the user chooses, by name. Each has the query with which Grafana finds its values, such as
   * label_values(up, job).
   */
  variables: Readonly<Record<string, string>>
  panels: readonly Panel[]
}

const datasource = { type: 'prometheus', uid: '${datasource}' }
const columns = 24
const sizes = { stat: { w: 6, h: 4 }, timeseries: { w: 12, h: 8 } } as const

function placePanels(panels: readonly Panel[]): object[] {
  let [x, y, rowHeight] = [0, 0, 0]
  return panels.map((panel, index) => {
    const { w, h } = sizes[panel.type]
    if (x + w > columns || (rowHeight > 0 && h !== rowHeight)) [x, y] = [0, y + rowHeight]
    const placed = { ...renderPanel(panel, index + 1), gridPos: { x, y, w, h } }
    x += w
    rowHeight = h
    return placed
  })
}

function renderPanel({ title, description, type, unit, queries }: Panel, id: number): object {
  const targets = queries.map(([expr, legendFormat], i) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + i),
    datasource,
    expr,
    legendFormat,
  }))
  return { id, title, description, type, datasource, fieldConfig: { defaults: { unit }, overrides: [] }, targets }
}

const datasourceVariable = { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }

const queryVariable = ([name, query]: [string, string]): object => ({
  name,
  label: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
  type: 'query',
  datasource,
  query,
  refresh: 2,
  sort: 1,
})

export function renderDashboard({ uid, title, description, variables, panels }: Dashboard): string {
  const dashboard = {
    uid,
    title,
    description,
    tags: ['kubenova'],
    schemaVersion: 39,
    editable: true,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: [datasourceVariable, ...Object.entries(variables).map(queryVariable)] },
    panels: placePanels(panels),
  }
  return `${JSON.stringify(dashboard, undefined, 2)}\n`
}
