import { newNotFound } from '../../http/fault.ts'
import { allRoles } from '../../identity/caller.ts'
import {
  isDefaultDomain,
  listEndpoints,
  listServices,
  renderCollection,
  renderDomain,
  renderProject,
  renderRegion,
  renderRole,
  renderUser,
} from '../../views/identity.ts'
import { defineRouteOf, type Policy, type Route, type RouteRequest } from '../route.ts'
import { identityOf, rootOf } from './tokens.ts'

const defineIdentityRoute = defineRouteOf('identity')
type Request = RouteRequest<never>
type Item = object & { id: string; name: string }

interface Directory {
  /** The plural is in the path and in the list. */
  plural: string
  singular: string
  policy: Policy
  /** All objects that the caller may see. */
  list(request: Request): Item[]
}

const everybody: Policy = { rule: 'identity:list', role: 'any' }

/** Administrators see all users and projects; everybody else sees only their own. */
const directories: readonly Directory[] = [
  {
    plural: 'projects',
    singular: 'project',
    policy: everybody,
    list(request) {
      const identity = identityOf(request)
      const projects = request.can({ role: 'admin' }) ? identity.projects() : identity.projectsOf(request.caller.user)
      return projects.map((project) => renderProject(project, rootOf(request)) as Item)
    },
  },
  {
    plural: 'users',
    singular: 'user',
    policy: everybody,
    list: (request) =>
      identityOf(request)
        .users()
        .filter(({ id }) => request.can({ role: 'admin' }) || id === request.caller.user.id)
        .map((user) => renderUser(user, rootOf(request)) as Item),
  },
  {
    plural: 'roles',
    singular: 'role',
    policy: everybody,
    list: (request) => allRoles.map((role) => renderRole(role, rootOf(request)) as Item),
  },
  {
    plural: 'domains',
    singular: 'domain',
    policy: everybody,
    list: (request) => [renderDomain(rootOf(request)) as Item],
  },
  {
    plural: 'regions',
    singular: 'region',
    policy: everybody,
    list: (request) => [renderRegion(request.services.region, rootOf(request)) as Item],
  },
  {
    plural: 'groups',
    singular: 'group',
    policy: everybody,
    list: () => [],
  },
  {
    plural: 'services',
    singular: 'service',
    policy: { rule: 'identity:list_services', role: 'reader' },
    list: (request) => listServices(rootOf(request)) as Item[],
  },
  {
    plural: 'endpoints',
    singular: 'endpoint',
    policy: { rule: 'identity:list_endpoints', role: 'reader' },
    list: (request) => listEndpoints(request.links.address, request.services.region, rootOf(request)) as Item[],
  },
]

/** Ignores parameters of the query that are no properties of the object. */
const matches = ({ query }: Request, item: Item): boolean =>
  Object.entries(query).every(
    ([key, values]) => !Object.hasOwn(item, key) || values.some((value) => isSame(Reflect.get(item, key), value)),
  )

const isSame = (actual: unknown, wanted: string): boolean =>
  typeof actual === 'boolean'
    ? actual === !['false', '0', 'no', 'off'].includes(wanted.toLowerCase())
    : String(actual) === wanted

function routesOf({ plural, singular, policy, list }: Directory): Route[] {
  return [
    defineIdentityRoute<never>({
      name: `${plural}:list`,
      method: 'GET',
      path: `/${plural}`,
      success: 200,
      policy,
      async handle(request) {
        const items = list(request).filter((item) => matches(request, item))
        return { body: renderCollection(plural, items, `${rootOf(request)}/${plural}`) }
      },
    }),
    defineIdentityRoute<never>({
      name: `${plural}:show`,
      method: 'GET',
      path: `/${plural}/{id}`,
      success: 200,
      policy,
      async handle(request) {
        const id = request.params['id'] ?? ''
        const wanted = singular === 'domain' && isDefaultDomain(id) ? 'default' : id
        const item = list(request).find((candidate) => candidate.id === wanted)
        if (!item) throw newNotFound(`Could not find ${singular}: ${id}.`)
        return { body: { [singular]: item } }
      },
    }),
  ]
}

export const directoryRoutes: readonly Route[] = directories.flatMap(routesOf)
