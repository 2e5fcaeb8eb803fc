/**
 * Changes that Keystone can make but the embedded identity cannot, because they belong to Kubernetes. Each answer tells
 * how the operator makes the change.
 */
import { Fault } from '../../http/fault.ts'
import { defineRouteOf, type Method, type Route } from '../route.ts'

const defineIdentityRoute = defineRouteOf('identity')

const projects = 'Projects are namespaces: an operator creates, changes and deletes them with kubectl.'
const users = 'Users stand in the Secret kubenova-users: an operator changes them and their passwords there.'
const roles = 'Roles are the ClusterRoles kubenova-…: an operator gives them to users by bindings.'
const fixed = 'Domains, regions, services and endpoints follow from the options of the API shim.'

const refusals: readonly [path: string, methods: readonly Method[], why: string][] = [
  ['/projects', ['POST'], projects],
  ['/projects/{id}', ['PATCH', 'DELETE'], projects],
  ['/users', ['POST'], users],
  ['/users/{id}', ['PATCH', 'DELETE'], users],
  ['/users/{id}/password', ['POST'], users],
  ['/groups', ['POST'], users],
  ['/roles', ['POST'], roles],
  ['/roles/{id}', ['PATCH', 'DELETE'], roles],
  ['/projects/{project}/users/{user}/roles/{role}', ['PUT', 'DELETE'], roles],
  ['/domains', ['POST'], fixed],
  ['/domains/{id}', ['PATCH', 'DELETE'], fixed],
  ['/regions', ['POST'], fixed],
  ['/regions/{id}', ['PATCH', 'DELETE'], fixed],
  ['/services', ['POST'], fixed],
  ['/services/{id}', ['PATCH', 'DELETE'], fixed],
  ['/endpoints', ['POST'], fixed],
  ['/endpoints/{id}', ['PATCH', 'DELETE'], fixed],
]

export const refusalRoutes: readonly Route[] = refusals.flatMap(([path, methods, why]) =>
  methods.map((method) =>
    defineIdentityRoute<never>({
      name: `refused:${method} ${path}`,
      method,
      path,
      success: 200,
      refusal: 403,
      policy: { rule: 'identity:change', role: 'any' },
      async handle() {
        throw new Fault(403, why)
      },
    }),
  ),
)
