/** The bodies with which clients create and change projects and users. */
import { newBadRequest } from '../../http/fault.ts'
import type { ExtraProperties } from '../../identity/backend.ts'
import {
  arraySchema,
  boolean,
  objectSchema,
  type Schema,
  schemaOfTypes,
  stringSchema,
} from '../../validation/schema.ts'

const nullableText = (keywords: Readonly<Record<string, unknown>> = {}): Schema<string | null> =>
  schemaOfTypes(['string', 'null'], keywords)
const nameOf = (maxLength: number): Schema<string> => stringSchema({ minLength: 1, maxLength, pattern: '[\\S]+' })
/** Keystone has options that the embedded identity does not know. */
const options = objectSchema({})

const projectFields = {
  description: nullableText({ maxLength: 65_535 }),
  domain_id: nullableText({ maxLength: 64 }),
  enabled: boolean,
  is_domain: boolean,
  parent_id: nullableText({ maxLength: 64 }),
  name: nameOf(64),
  tags: arraySchema(stringSchema({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' }), {
    maxItems: 80,
    uniqueItems: true,
  }),
  options,
}
export const projectCreation = objectSchema(
  { project: objectSchema(projectFields, { required: ['name'], additionalProperties: true }) },
  { required: ['project'] },
)
export const projectUpdate = objectSchema(
  { project: objectSchema(projectFields, { additionalProperties: true }) },
  { required: ['project'] },
)

const userFields = {
  default_project_id: nullableText({ maxLength: 64 }),
  description: nullableText({ maxLength: 255 }),
  domain_id: nullableText({ maxLength: 64 }),
  email: nullableText({ maxLength: 255 }),
  enabled: boolean,
  name: nameOf(255),
  password: nullableText(),
  options,
}
export const userCreation = objectSchema(
  { user: objectSchema(userFields, { required: ['name'], additionalProperties: true }) },
  { required: ['user'] },
)
export const userUpdate = objectSchema(
  { user: objectSchema(userFields, { additionalProperties: true }) },
  { required: ['user'] },
)

/** Properties of an answer that are no further properties. */
const others = ['id', 'links', 'password_expires_at', 'original_password']
const described = new Set(['description', 'email'])
const notExtraOfUser = new Set([...others, ...Object.keys(userFields).filter((name) => !described.has(name))])
const notExtraOfProject = new Set([...others, ...Object.keys(projectFields)])

function selectExtra(fields: object, known: ReadonlySet<string>): ExtraProperties | undefined {
  const entries = Object.entries(fields).filter(([name]) => !known.has(name))
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
/** As in Keystone, an object can have any further properties. Undefined: the request has none. */
export const extraOfUser = (fields: object): ExtraProperties | undefined => selectExtra(fields, notExtraOfUser)
export const extraOfProject = (fields: object): ExtraProperties | undefined => selectExtra(fields, notExtraOfProject)

/** Throws a 400 for a name that is no Unicode text: it would be stored as another name. */
export function checkName(name: string | undefined): void {
  if (name?.isWellFormed() === false) throw newBadRequest('The name has one half of a character that has two.')
}

export const passwordChange = objectSchema(
  {
    user: objectSchema(
      { original_password: stringSchema(), password: stringSchema() },
      { required: ['original_password', 'password'] },
    ),
  },
  { required: ['user'] },
)
