/**
 * The other routes of Neutron that clients use: extensions, quotas, the default security group, and collections that
 * are empty.
 */
import { Fault, newConflict, newNotFound, newNotImplemented } from '../../http/fault.ts'
import { isAdmin, type Project } from '../../identity/caller.ts'
import { subnetsOf } from '../../state/network-facts.ts'
import { renderGroup, renderRules } from '../../views/network-security-groups.ts'
import { defaultGroupIdOf } from '../../views/security-groups.ts'
import { defineRouteOf, type Route } from '../route.ts'
import { type Request, readRoutesOf } from './collection.ts'
import { listNetworks, listPorts } from './find.ts'

const defineNetworkRoute = defineRouteOf('network')

const extensions = [
  { alias: 'external-net', name: 'Neutron external network', description: 'Whether a network leads outside.' },
  { alias: 'net-mtu', name: 'Network MTU', description: 'The MTU of a network.' },
  { alias: 'port-security', name: 'Port Security', description: 'Whether servers can send from other addresses.' },
  { alias: 'provider', name: 'Provider Network', description: 'The devices of the hosts behind a network.' },
  { alias: 'quotas', name: 'Quota management support', description: 'The quotas of a project.' },
  { alias: 'security-group', name: 'security-group', description: 'The security group of a project.' },
  { alias: 'sorting', name: 'Sorting support', description: 'Sorted lists.' },
  { alias: 'pagination', name: 'Pagination support', description: 'Lists in pages.' },
  { alias: 'standard-attr-description', name: 'standard-attr-description', description: 'Descriptions of objects.' },
  { alias: 'standard-attr-timestamp', name: 'Resource timestamps', description: 'Times of objects.' },
].map((extension) => ({ ...extension, updated: '2026-01-01T00:00:00-00:00', links: [] }))

const everybody = { rule: 'get_extension', role: 'any' } as const

const extensionsList = defineNetworkRoute<never>({
  name: 'extensions:list',
  method: 'GET',
  path: '/extensions',
  success: 200,
  policy: everybody,
  handle: async () => ({ body: { extensions } }),
})

const extensionsShow = defineNetworkRoute<never>({
  name: 'extensions:show',
  method: 'GET',
  path: '/extensions/{alias}',
  success: 200,
  policy: everybody,
  async handle({ params }) {
    const extension = extensions.find(({ alias }) => alias === params['alias'])
    if (!extension) throw newNotFound(`Extension with alias ${params['alias']} does not exist`)
    return { body: { extension } }
  },
})

/** The projects whose security groups the caller sees. */
function projectsOf({ caller, state, services }: Request): Project[] {
  if (isAdmin(caller) && services.identity) return services.identity.projects()
  return caller.project ? [state.shared.projectOf(caller.project.namespace)] : []
}

/** -1: no limit; 0: the resource does not exist here. */
const limits = {
  network: -1,
  subnet: -1,
  port: -1,
  router: 0,
  floatingip: 0,
  subnetpool: 0,
  rbac_policy: 0,
  security_group: 1,
  security_group_rule: 4,
}

async function countUsed(request: Request, projectId: string): Promise<Record<string, number>> {
  const isOfProject = ({ metadata }: { metadata: { namespace?: string | undefined } }): boolean =>
    request.state.shared.projectOf(metadata.namespace ?? '').id === projectId
  const networks = (await listNetworks(request)).filter(isOfProject)
  const ports = (await listPorts(request)).filter(isOfProject)
  const subnet = networks.reduce((sum, network) => sum + subnetsOf(network).length, 0)
  return { network: networks.length, subnet, port: ports.length, security_group: 1, security_group_rule: 4 }
}

function checkProject(request: Request): string {
  const id = request.params['project_id_of_quota'] ?? ''
  if (id !== request.caller.project?.id && !isAdmin(request.caller))
    throw new Fault(403, 'rule:get_quota is disallowed by policy')
  return id
}

const quotaPath = '/quotas/{project_id_of_quota}'
const quotaPolicy = { rule: 'get_quota', role: 'reader' } as const

const quotas = [quotaPath, `${quotaPath}/default`].map((path) =>
  defineNetworkRoute<never>({
    name: `quotas:GET ${path}`,
    method: 'GET',
    path,
    success: 200,
    policy: quotaPolicy,
    async handle(request) {
      checkProject(request)
      return { body: { quota: limits } }
    },
  }),
)

const quotaDetails = ['details', 'details.json'].map((last) =>
  defineNetworkRoute<never>({
    name: `quotas:${last}`,
    method: 'GET',
    path: `${quotaPath}/${last}`,
    success: 200,
    policy: quotaPolicy,
    async handle(request) {
      const used = await countUsed(request, checkProject(request))
      const quota = Object.fromEntries(
        Object.entries(limits).map(([name, limit]) => [name, { limit, used: used[name] ?? 0, reserved: 0 }]),
      )
      return { body: { quota } }
    },
  }),
)

const emptyCollections = [
  ['floatingips', 'floatingip', 'Floating IP'],
  ['routers', 'router', 'Router'],
  ['agents', 'agent', 'Agent'],
  ['availability_zones', 'availability_zone', 'Availability zone'],
  ['subnetpools', 'subnetpool', 'Subnet pool'],
] as const

const groupChanges = (
  [
    ['POST', '/security-groups'],
    ['PUT', '/security-groups/{id}'],
    ['POST', '/security-group-rules'],
    ['DELETE', '/security-group-rules/{id}'],
  ] as const
).map(([method, path]) =>
  defineNetworkRoute<never>({
    name: `security-groups:${method} ${path}`,
    method,
    path,
    success: 200,
    policy: { rule: 'create_security_group', role: 'member' },
    async handle() {
      throw newNotImplemented(
        'Each project has one security group, default, which filters nothing. Others are not supported.',
      )
    },
  }),
)

/** As in Neutron, an administrator can delete a default group, and the next use of the project makes it again. */
const groupDeletion = defineNetworkRoute<never>({
  name: 'security-groups:delete',
  method: 'DELETE',
  path: '/security-groups/{id}',
  success: 204,
  policy: { rule: 'delete_security_group', role: 'member' },
  async handle(request) {
    const { id = '' } = request.params
    if (!projectsOf(request).some((project) => defaultGroupIdOf(project.id) === id))
      throw newNotFound(`Security group ${id} could not be found.`)
    if (!isAdmin(request.caller)) throw newConflict('Insufficient rights for removing default security group.')
    return {}
  },
})

export const documentRoutes: readonly Route[] = [
  extensionsList,
  extensionsShow,
  ...readRoutesOf({
    plural: 'security_groups',
    singular: 'security_group',
    word: 'Security group',
    list: (request) => projectsOf(request).map(renderGroup),
  }),
  ...readRoutesOf({
    plural: 'security_group_rules',
    singular: 'security_group_rule',
    word: 'Security group rule',
    list: (request) => projectsOf(request).flatMap(renderRules),
  }),
  groupDeletion,
  ...groupChanges,
  ...quotas,
  ...quotaDetails,
  ...emptyCollections.flatMap(([plural, singular, word]) =>
    readRoutesOf({ plural, singular, word, path: plural, list: () => [] }),
  ),
]
