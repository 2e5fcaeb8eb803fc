/** Reads the bodies of Neutron's requests, and checks that a resource has each attribute and allows its value. */
import { newBadRequest } from '../../http/fault.ts'
import type { Schema } from '../../validation/schema.ts'
import { findProblem } from '../../validation/validate.ts'

export type AttributeSchemas = Readonly<Record<string, Schema>>

/** The object in a body such as `{"network": {…}}`. Throws a 400 with Neutron's text for the first mistake. */
export function readAttributes(body: unknown, singular: string, schemas: AttributeSchemas): object {
  const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, singular) : undefined
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw newBadRequest(`Unable to find '${singular}' in request body`)
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(schemas, name))
  if (unknown.length > 0) throw newBadRequest(`Unrecognized attribute(s) '${unknown.join(', ')}'`)
  for (const [name, attribute] of Object.entries(value)) {
    const problem = findProblem(schemas[name] ?? {}, attribute)
    if (problem) throw newBadRequest(`Invalid input for ${name}. Reason: ${problem.message}.`)
  }
  return value
}

/**
 * Throws a 400 if the request gives a fixed attribute another value.
 * @param fixed the values of attributes that cannot be chosen
 */
export function checkFixed(given: object, fixed: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fixed)) {
    const wanted: unknown = Reflect.get(given, name)
    if (wanted !== undefined && wanted !== null && JSON.stringify(wanted) !== JSON.stringify(value))
      throw newBadRequest(`Invalid input for ${name}. Reason: it is always ${JSON.stringify(value)} here.`)
  }
}
