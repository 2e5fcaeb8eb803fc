/** The bodies with which clients create and change projects and users. */
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
  { project: objectSchema(projectFields, { required: ['name'] }) },
  { required: ['project'] },
)
export const projectUpdate = objectSchema({ project: objectSchema(projectFields) }, { required: ['project'] })

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
  { user: objectSchema(userFields, { required: ['name'] }) },
  { required: ['user'] },
)
export const userUpdate = objectSchema({ user: objectSchema(userFields) }, { required: ['user'] })

export const passwordChange = objectSchema(
  {
    user: objectSchema(
      { original_password: stringSchema(), password: stringSchema() },
      { required: ['original_password', 'password'] },
    ),
  },
  { required: ['user'] },
)
