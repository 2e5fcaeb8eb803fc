/** The routes of reports of usage. */
import type { Route } from '../route.ts'
import { auditLogList, auditLogShow } from './audit-log.ts'
import { usageList, usageShow } from './usage.ts'

export const usageRoutes: readonly Route[] = [usageList, usageShow, auditLogList, auditLogShow]
