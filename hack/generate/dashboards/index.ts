import type { Output } from '../output.ts'
import { controlPlane } from './control-plane.ts'
import { type Dashboard, renderDashboard } from './dashboard.ts'
import { fleet } from './fleet.ts'
import { host } from './host.ts'

export const dashboards: readonly Dashboard[] = [fleet, host, controlPlane]

export const dashboardFiles: Output = {
  folder: 'charts/kubenova/dashboards',
  files: () => dashboards.map((d) => ({ name: `${d.uid.replace('kubenova-', '')}.json`, text: renderDashboard(d) })),
}
