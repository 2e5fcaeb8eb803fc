/** The queries of routes without parameters: before 2.102 parameters are dropped, and since then they are a 400. */
import { query } from './schema.ts'

export const noParameters = { '2.1': query({}), '2.102': query({}, { additionalProperties: false }) } as const
