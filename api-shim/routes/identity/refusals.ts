/** Changes that Keystone can make but the embedded identity cannot. Each answer tells why. */
import { Fault } from '../../http/fault.ts'
import { defineRouteOf, type Method, type Route } from '../route.ts'

const defineIdentityRoute = defineRouteOf('identity')

const groups = 'There are no groups of users: give the role to each user.'
const roles = 'Roles are the ClusterRoles kubenova-…: clients cannot change them.'
const fixed = 'Domains, regions, services and endpoints follow from the options of the API shim.'

const refusals: readonly [path: string, methods: readonly Method[], why: string][] = [
  ['/groups', ['POST'], groups],
  ['/roles', ['POST'], roles],
  ['/roles/{id}', ['PATCH', 'DELETE'], roles],
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
