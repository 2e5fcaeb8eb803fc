/** There are no server groups yet: lists are empty, and the policy allows nobody to create one. */
import { newNotFound, policyForbids } from '../../http/fault.ts'
import type { ByVersion } from '../../http/microversion.ts'
import { noParameters } from '../../validation/parameters.ts'
import {
  nonNegativeInteger,
  objectSchema,
  oneOf,
  querySchema,
  repeatedParameter,
  type Schema,
  schemaFrom,
  stringSchema,
} from '../../validation/schema.ts'
import { defineRoute, type Route } from '../route.ts'

const ruleOf = (operation: string): string => `os_compute_api:os-server-groups:${operation}`

const hard = ['anti-affinity', 'affinity'] as const
const all = [...hard, 'soft-anti-affinity', 'soft-affinity'] as const
const name = stringSchema({ minLength: 1, maxLength: 255, format: 'name' })

const policies = (allowed: readonly string[]): Schema =>
  schemaFrom({
    type: 'array',
    prefixItems: [oneOf(allowed, { type: 'string' })],
    uniqueItems: true,
    minItems: 1,
    maxItems: 1,
  })
const rules = objectSchema({
  max_server_per_host: schemaFrom({ type: ['integer', 'string'], pattern: '^[0-9]*$', minimum: 1, minLength: 1 }),
})
const bodyWith = (group: Schema): Schema => objectSchema({ server_group: group }, { required: ['server_group'] })

const createBody: ByVersion<Schema> = {
  '2.1': bodyWith(objectSchema({ name, policies: policies(hard) }, { required: ['name', 'policies'] })),
  '2.15': bodyWith(objectSchema({ name, policies: policies(all) }, { required: ['name', 'policies'] })),
  '2.64': bodyWith(
    objectSchema({ name, policy: oneOf(all, { type: 'string' }), rules }, { required: ['name', 'policy'] }),
  ),
}

const listParameters = {
  all_projects: repeatedParameter(stringSchema()),
  limit: repeatedParameter(nonNegativeInteger),
  offset: repeatedParameter(nonNegativeInteger),
}

const refuseUnknown = (method: 'GET' | 'DELETE', operation: 'show' | 'delete', success: number): Route =>
  defineRoute<null>({
    name: `server-groups:${operation}`,
    method,
    path: '/os-server-groups/{id}',
    success,
    policy: { rule: ruleOf(operation), role: 'any', inHandler: true },
    ...(method === 'GET' ? { query: noParameters } : {}),
    async handle({ params }) {
      throw newNotFound(`Instance group ${params['id']} could not be found.`)
    },
  })

export const serverGroupRoutes: readonly Route[] = [
  defineRoute<null>({
    name: 'server-groups:list',
    method: 'GET',
    path: '/os-server-groups',
    success: 200,
    policy: { rule: ruleOf('index'), role: 'reader' },
    query: { '2.1': querySchema(listParameters), '2.75': querySchema(listParameters, { additionalProperties: false }) },
    async handle() {
      return { body: { server_groups: [] } }
    },
  }),
  defineRoute({
    name: 'server-groups:create',
    method: 'POST',
    path: '/os-server-groups',
    success: 200,
    policy: { rule: ruleOf('create'), role: 'member' },
    body: createBody,
    async handle() {
      throw policyForbids(ruleOf('create'))
    },
  }),
  refuseUnknown('GET', 'show', 200),
  refuseUnknown('DELETE', 'delete', 204),
]
