import { type Fault, newBadRequest } from '../http/fault.ts'
import type { Problem } from './keywords.ts'
import { pythonStr } from './python.ts'
import type { Schema } from './schema.ts'
import { dropUnknown, dropUnknownProperties, findProblem } from './validate.ts'

export type Query = Readonly<Record<string, readonly string[]>>

export interface BodyOptions {
  /** Drops properties that the schema does not know from the body, as the Compute API 2.0 does. */
  isRelaxed?: boolean
  /** Default: Nova's fault. */
  newBodyFault?(problem: Problem): Fault
}

export function validateBody(schema: Schema, body: unknown, { isRelaxed, newBodyFault }: BodyOptions = {}): void {
  if (isRelaxed) dropUnknownProperties(schema, body)
  const problem = findProblem(schema, body)
  if (problem) throw newBodyFault?.(problem) ?? invalid(problem, 'field/attribute', problem.path.at(-1))
}

export function validateQuery(given: Schema, query: Query, isRelaxed = false): Query {
  const schema: Schema = isRelaxed ? { ...given, additionalProperties: true } : given
  const problem = findProblem(schema, query)
  if (problem) throw invalid(problem, 'query parameters', problem.path[0])
  return dropUnknown(query, schema)
}

function invalid({ message, value, isComplete }: Problem, what: string, name: string | number | undefined): Fault {
  if (isComplete || name === undefined) return newBadRequest(message)
  return newBadRequest(`Invalid input for ${what} ${name}. Value: ${pythonStr(value)}. ${message}`)
}

/** The query string as Nova reads it: each parameter with all its values, in the order in which they came. */
export function parseQuery(text: string): Query {
  const query: Record<string, string[]> = Object.create(null) as Record<string, string[]>
  for (const [name, value] of new URLSearchParams(text)) (query[name] ??= []).push(value)
  return query
}
