/** The routes of hypervisors. */
import type { Route } from '../route.ts'
import { hypervisorsDetail, hypervisorsList } from './list.ts'
import {
  hypervisorsSearch,
  hypervisorsServers,
  hypervisorsShow,
  hypervisorsStatistics,
  hypervisorsUptime,
} from './show.ts'

export const hypervisorRoutes: readonly Route[] = [
  hypervisorsList,
  hypervisorsDetail,
  hypervisorsStatistics,
  hypervisorsShow,
  hypervisorsUptime,
  hypervisorsSearch,
  hypervisorsServers,
]
