/** The routes of host aggregates. */
import type { Route } from '../route.ts'
import { aggregatesAddHost, aggregatesCacheImages, aggregatesRemoveHost, aggregatesSetMetadata } from './actions.ts'
import { aggregatesCreate, aggregatesDelete, aggregatesList, aggregatesShow, aggregatesUpdate } from './crud.ts'

export const aggregateRoutes: readonly Route[] = [
  aggregatesList,
  aggregatesCreate,
  aggregatesShow,
  aggregatesUpdate,
  aggregatesDelete,
  aggregatesAddHost,
  aggregatesRemoveHost,
  aggregatesSetMetadata,
  aggregatesCacheImages,
]
