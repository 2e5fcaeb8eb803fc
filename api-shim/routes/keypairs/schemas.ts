/** Schemas of the requests for key pairs. */
import type { ByVersion } from '../../http/microversion.ts'
import {
  objectSchema,
  oneOf,
  pagination,
  querySchema,
  repeatedParameter,
  type Schema,
  schemaFrom,
  stringSchema,
  type TypeOf,
} from '../../validation/schema.ts'

const nameOf = (pattern: string): Schema<string> =>
  schemaFrom({
    allOf: [
      stringSchema({ minLength: 1, maxLength: 255, format: 'name' }),
      stringSchema({ pattern, minLength: 1, maxLength: 255 }),
    ],
  })
const name = nameOf('^[_\\- a-zA-Z0-9]+$')
const publicKey = { public_key: stringSchema() }
const type = { type: oneOf(['ssh', 'x509'], { type: 'string' }) }
const userId = { user_id: stringSchema() }
const latest = { name: nameOf('^[_\\-\\@\\. a-zA-Z0-9]+$'), ...type, ...publicKey, ...userId }

const bodyWith = <T>(keypair: Schema<T>) => objectSchema({ keypair }, { required: ['keypair'] })

export const createKeyPairBody = {
  '2.1': bodyWith(objectSchema({ name, ...publicKey }, { required: ['name'] })),
  '2.2': bodyWith(objectSchema({ name, ...type, ...publicKey }, { required: ['name'] })),
  '2.10': bodyWith(objectSchema({ name, ...type, ...publicKey, ...userId }, { required: ['name'] })),
  '2.92': bodyWith(objectSchema(latest, { required: ['name', 'public_key'] })),
} as const
export type CreateKeyPairBody = TypeOf<(typeof createKeyPairBody)['2.10']>

const userParameter = { user_id: repeatedParameter(stringSchema()) }

export const keyPairQuery: ByVersion<Schema> = {
  '2.1': querySchema({}),
  '2.10': querySchema(userParameter),
  '2.75': querySchema(userParameter, { additionalProperties: false }),
}

export const listKeyPairsQuery: ByVersion<Schema> = {
  '2.1': querySchema({}),
  '2.10': querySchema(userParameter),
  '2.35': querySchema({ ...userParameter, ...pagination }),
  '2.75': querySchema({ ...userParameter, ...pagination }, { additionalProperties: false }),
}
