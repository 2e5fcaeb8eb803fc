/** The schema of a request for a token, and how the back end gets it. */
import type { Credentials, UserReference } from '../../identity/backend.ts'
import { array, object, schema, string, type TypeOf } from '../../validation/schema.ts'

const domain = schema<unknown>({ type: 'object' })
const text = string({ maxLength: 4096 })
/** An ID or a name; a domain with the name is accepted, and there is only one. */
const reference = object({ id: text, name: text, domain }, { additionalProperties: true })
const user = object(
  { id: text, name: text, domain, password: text },
  { required: ['password'], additionalProperties: true },
)

const identity = object(
  {
    methods: array(oneMethod(), { minItems: 1, maxItems: 4 }),
    password: object({ user }, { required: ['user'] }),
    token: object({ id: text }, { required: ['id'] }),
    application_credential: object({ id: text, name: text, secret: text, user: reference }, { required: ['secret'] }),
  },
  { required: ['methods'], additionalProperties: true },
)

function oneMethod() {
  return string({ maxLength: 64 })
}

export const tokenRequest = object(
  {
    auth: object(
      {
        identity,
        scope: schema<{ project?: TypeOf<typeof reference> } | string>({ anyOf: [{ type: 'string' }, scopeSchema()] }),
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
