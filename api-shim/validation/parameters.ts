/** Schemas of queries that several routes share, by the first microversion that they apply to. */
import type { ByVersion } from '../http/microversion.ts'
import { querySchema, type Schema } from './schema.ts'

/** Routes without parameters: others are dropped before 2.102, and refused from then on. */
export const noParameters: ByVersion<Schema> = {
  '2.1': querySchema({}),
  '2.102': querySchema({}, { additionalProperties: false }),
}
