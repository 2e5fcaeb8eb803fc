import type { Credentials, UserReference } from '../../identity/backend.ts'
import { arraySchema, objectSchema, schemaFrom, stringSchema, type TypeOf } from '../../validation/schema.ts'

const domain = schemaFrom<unknown>({ type: 'object' })
const text = stringSchema({ maxLength: 4096 })
/** An ID or a name. The domain of the name is accepted but ignored, because there is only one. */
const reference = objectSchema({ id: text, name: text, domain }, { additionalProperties: true })
const user = objectSchema(
  { id: text, name: text, domain, password: text },
  { required: ['password'], additionalProperties: true },
)

const identity = objectSchema(
  {
    methods: arraySchema(oneMethod(), { minItems: 1, maxItems: 4 }),
    password: objectSchema({ user }, { required: ['user'] }),
    token: objectSchema({ id: text }, { required: ['id'] }),
    application_credential: objectSchema(
      { id: text, name: text, secret: text, user: reference },
      { required: ['secret'] },
    ),
  },
  { required: ['methods'], additionalProperties: true },
)

function oneMethod() {
  return stringSchema({ maxLength: 64 })
}

export const tokenRequest = objectSchema(
  {
    auth: objectSchema(
      {
        identity,
        scope: schemaFrom<{ project?: TypeOf<typeof reference> } | string>({
          anyOf: [{ type: 'string' }, scopeSchema()],
        }),
      },
      { required: ['identity'], additionalProperties: true },
    ),
  },
  { required: ['auth'], additionalProperties: true },
)

function scopeSchema(): object {
  return { type: 'object', properties: { project: reference }, additionalProperties: true }
}

const referenceOf = ({ id, name }: { id?: string; name?: string }): UserReference => ({
  ...(id === undefined ? {} : { id }),
  ...(name === undefined ? {} : { name }),
})

export function credentialsFrom({ auth }: TypeOf<typeof tokenRequest>): Credentials {
  const { methods, password, token, application_credential: credential } = auth.identity
  const project = typeof auth.scope === 'object' ? auth.scope.project : undefined
  return {
    methods,
    ...(password && methods.includes('password')
      ? { password: { user: referenceOf(password.user), password: password.user.password } }
      : {}),
    ...(token && methods.includes('token') ? { token: token.id } : {}),
    ...(credential && methods.includes('application_credential')
      ? {
          applicationCredential: {
            ...referenceOf(credential),
            secret: credential.secret,
            ...(credential.user ? { user: referenceOf(credential.user) } : {}),
          },
        }
      : {}),
    ...(project ? { scope: { project: referenceOf(project) } } : {}),
  }
}
