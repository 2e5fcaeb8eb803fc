/** The routes of limits and quotas. */
import type { Route } from '../route.ts'
import { quotaClassesShow, quotaClassesUpdate } from './classes.ts'
import { limitsList } from './limits.ts'
import { quotaSetsDefaults, quotaSetsDelete, quotaSetsDetail, quotaSetsShow, quotaSetsUpdate } from './sets.ts'

export const quotaRoutes: readonly Route[] = [
  limitsList,
  quotaSetsShow,
  quotaSetsDetail,
  quotaSetsDefaults,
  quotaSetsUpdate,
  quotaSetsDelete,
  quotaClassesShow,
  quotaClassesUpdate,
]
