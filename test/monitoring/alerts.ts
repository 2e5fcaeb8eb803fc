// Reads the alert rules of the chart.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { root } from '../manifests.ts'

export interface Alert {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: { summary: string; description: string }
}

export const alertsFile = join(root, 'charts/kubenova/monitoring/alerts.yaml')
const { groups } = parse(readFileSync(alertsFile, 'utf8')) as { groups: { rules: Alert[] }[] }
export const alerts: readonly Alert[] = groups.flatMap(({ rules }) => rules)
