/** The queries of routes without parameters. */
import { query } from './schema.ts'

/** Before 2.102 parameters are dropped, and since then they are a 400. */
export const noParameters = { '2.1': query({}), '2.102': query({}, { additionalProperties: false }) } as const

/** The query of a route that drops parameters at every microversion. */
export const ignoredParameters = { '2.1': query({}) } as const
