/** Schemas of the requests for key pairs. */
import type { ByVersion } from '../../http/microversion.ts'
import {
  object,
  oneOf,
  pagination,
  query,
  repeated,
  type Schema,
  schema,
  string,
  type TypeOf,
} from '../../validation/schema.ts'

const nameOf = (pattern: string): Schema<string> =>
  schema({
    allOf: [
      string({ minLength: 1, maxLength: 255, format: 'name' }),
      string({ pattern, minLength: 1, maxLength: 255 }),
    ],
  })
const name = nameOf('^[_\\- a-zA-Z0-9]+$')
const publicKey = { public_key: string() }
const type = { type: oneOf(['ssh', 'x509'], { type: 'string' }) }
const userId = { user_id: string() }
const latest = { name: nameOf('^[_\\-\\@\\. a-zA-Z0-9]+$'), ...type, ...publicKey, ...userId }

const bodyWith = <T>(keypair: Schema<T>) => object({ keypair }, { required: ['keypair'] })

export const createKeyPairBody = {
  '2.1': bodyWith(object({ name, ...publicKey }, { required: ['name'] })),
  '2.2': bodyWith(object({ name, ...type, ...publicKey }, { required: ['name'] })),
  '2.10': bodyWith(object({ name, ...type, ...publicKey, ...userId }, { required: ['name'] })),
  '2.92': bodyWith(object(latest, { required: ['name', 'public_key'] })),
} as const
export type CreateKeyPairBody = TypeOf<(typeof createKeyPairBody)['2.10']>

const userParameter = { user_id: repeated(string()) }

export const keyPairQuery: ByVersion<Schema> = {
  '2.1': query({}),
  '2.10': query(userParameter),
  '2.75': query(userParameter, { additionalProperties: false }),
}

export const listKeyPairsQuery: ByVersion<Schema> = {
  '2.1': query({}),
  '2.10': query(userParameter),
  '2.35': query({ ...userParameter, ...pagination }),
  '2.75': query({ ...userParameter, ...pagination }, { additionalProperties: false }),
}
