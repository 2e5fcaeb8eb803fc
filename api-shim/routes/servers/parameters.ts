/** Schemas that several requests about servers share. */
import { printableText } from '../../validation/formats.ts'
import { oneOf, schema, string } from '../../validation/schema.ts'

export const name = string({ format: 'name', minLength: 1, maxLength: 255 })
export const looseName = string({ format: 'name_with_leading_trailing_spaces', minLength: 1, maxLength: 255 })
export const diskConfig = oneOf(['AUTO', 'MANUAL'], { type: 'string' })
export const accessIPv4 = string({ format: 'ipv4' })
export const accessIPv6 = string({ format: 'ipv6' })
export const ipAddress = string({ oneOf: [{ format: 'ipv4' }, { format: 'ipv6' }] })
export const tag = string({ pattern: '^[^,/]*$', minLength: 1, maxLength: 60 })
export const flavorRef = schema<string | number>({ type: ['string', 'integer'], minLength: 1 })
export const description = schema<string | null>({
  type: ['string', 'null'],
  pattern: printableText,
  minLength: 0,
  maxLength: 255,
})
export const metadata = schema<Record<string, string>>({
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9-_:. ]{1,255}$': { type: 'string', maxLength: 255 } },
  additionalProperties: false,
})
/** A host name without dots, and one with dots, which 2.94 allows. */
export const hostLabel = string({ pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$', minLength: 2, maxLength: 63 })
export const hostName = string({ pattern: '^[a-zA-Z0-9-._]*$', minLength: 1, maxLength: 255 })
export const positiveInteger = schema<string | number>({
  type: ['integer', 'string'],
  pattern: '^[0-9]*$',
  minimum: 1,
  minLength: 1,
})
export const base64 = string({ format: 'base64', maxLength: 65_535 })
