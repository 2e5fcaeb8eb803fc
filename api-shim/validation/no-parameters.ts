/** The queries of routes without parameters. */
import { querySchema } from './schema.ts'

/** Parameters are dropped before 2.102, and answered with a 400 since then. */
export const noParameters = {
  '2.1': querySchema({}),
  '2.102': querySchema({}, { additionalProperties: false }),
} as const

/** The query of a route that drops parameters at every microversion. */
export const ignoredParameters = { '2.1': querySchema({}) } as const
