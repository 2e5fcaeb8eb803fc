/** The queries of routes without parameters. */
import { querySchema } from './schema.ts'

/** Before 2.102 parameters are dropped, and since then they are a 400. */
export const noParameters = {
  '2.1': querySchema({}),
  '2.102': querySchema({}, { additionalProperties: false }),
} as const

/** The query of a route that drops parameters at every microversion. */
export const ignoredParameters = { '2.1': querySchema({}) } as const
