/** Schemas that several requests about servers share. */
import { Address6 } from 'ip-address'
import { printableText } from '../../validation/formats.ts'
import { oneOf, schemaFrom, stringSchema } from '../../validation/schema.ts'

export const name = stringSchema({ format: 'name', minLength: 1, maxLength: 255 })
export const looseName = stringSchema({ format: 'name_with_leading_trailing_spaces', minLength: 1, maxLength: 255 })
export const diskConfig = oneOf(['AUTO', 'MANUAL'], { type: 'string' })
export const accessIPv4 = stringSchema({ format: 'ipv4' })
export const accessIPv6 = stringSchema({ format: 'ipv6' })
/** Nova keeps an address in the form of RFC 5952. */
export const canonicalIPv6 = (address: string | undefined): string | undefined =>
  address === undefined ? undefined : new Address6(address).correctForm()
export const ipAddress = stringSchema({ oneOf: [{ format: 'ipv4' }, { format: 'ipv6' }] })
export const tag = stringSchema({ pattern: '^[^,/]*$', minLength: 1, maxLength: 60 })
export const flavorRef = schemaFrom<string | number>({ type: ['string', 'integer'], minLength: 1 })
export const description = schemaFrom<string | null>({
  type: ['string', 'null'],
  pattern: printableText,
  minLength: 0,
  maxLength: 255,
})
export const metadata = schemaFrom<Record<string, string>>({
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9-_:. ]{1,255}$': { type: 'string', maxLength: 255 } },
  additionalProperties: false,
})
/** A host name without dots, and one with dots, which 2.94 allows. */
export const hostLabel = stringSchema({
  pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$',
  minLength: 2,
  maxLength: 63,
})
export const hostName = stringSchema({ pattern: '^[a-zA-Z0-9-._]*$', minLength: 1, maxLength: 255 })
export const positiveInteger = schemaFrom<string | number>({
  type: ['integer', 'string'],
  pattern: '^[0-9]*$',
  minimum: 1,
  minLength: 1,
})
export const base64 = stringSchema({ format: 'base64', maxLength: 65_535 })
