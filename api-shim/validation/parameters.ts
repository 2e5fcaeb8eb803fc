/** The queries of routes without parameters. */
import type { ByVersion } from '../http/microversion.ts'
import { querySchema, type Schema } from './schema.ts'

/** Any parameter is dropped before 2.102, and answered with a 400 since then. */
export const noParameters: ByVersion<Schema> = {
  '2.1': querySchema({}),
  '2.102': querySchema({}, { additionalProperties: false }),
}

/** Parameters are dropped at every microversion. */
export const ignoredParameters: ByVersion<Schema> = { '2.1': querySchema({}) }
