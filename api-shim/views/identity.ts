import type {
  ApplicationCredential,
  ProjectDetails,
  RoleAssignment,
  TokenInfo,
  UserDetails,
} from '../identity/backend.ts'
import type { Role } from '../identity/caller.ts'

const domain = { id: 'default', name: 'Default' }

const selfLink = (root: string, ...path: string[]): { links: { self: string } } => ({
  links: { self: [root, ...path].join('/') },
})

/** Only Keystone prints times like this, with microseconds and a zone. */
const formatTime = (time: Date): string => `${time.toISOString().slice(0, 23)}000Z`

export const roleIdOf = (role: Role): string => role
export const renderRole = (role: Role, root: string): object => ({
  id: roleIdOf(role),
  name: role,
  domain_id: null,
  description: null,
  options: {},
  ...selfLink(root, 'roles', roleIdOf(role)),
})

export const renderDomain = (root: string): object => ({
  ...domain,
  enabled: true,
  description: 'The default domain',
  options: {},
  tags: [],
  ...selfLink(root, 'domains', domain.id),
})
export const renderRegion = (id: string, root: string): object => ({
  id,
  description: '',
  parent_region_id: null,
  ...selfLink(root, 'regions', id),
})
export const isDefaultDomain = (text: string): boolean => text === domain.id || text === domain.name

/** As in Keystone, a property that has never been set is absent. */
export function renderUser({ id, name, isEnabled, defaultProjectId, extra }: UserDetails, root: string): object {
  return {
    ...extra,
    id,
    name,
    domain_id: domain.id,
    enabled: isEnabled,
    password_expires_at: null,
    options: {},
    ...(defaultProjectId === undefined ? {} : { default_project_id: defaultProjectId }),
    ...selfLink(root, 'users', id),
  }
}

export function renderProject(project: ProjectDetails, root: string): object {
  const { id, name, description, isEnabled, tags, extra } = project
  return {
    ...extra,
    id,
    name,
    domain_id: domain.id,
    parent_id: domain.id,
    description,
    enabled: isEnabled,
    is_domain: false,
    options: {},
    tags,
    ...selfLink(root, 'projects', id),
  }
}

export function renderAssignment({ user, project, role }: RoleAssignment, root: string, hasNames: boolean): object {
  const named = ({ id, name }: { id: string; name: string }): object => ({
    id,
    ...(hasNames ? { name, domain } : {}),
  })
  return {
    scope: { project: named(project) },
    user: named(user),
    role: { id: roleIdOf(role), ...(hasNames ? { name: role } : {}) },
    links: { assignment: [root, 'projects', project.id, 'users', user.id, 'roles', roleIdOf(role)].join('/') },
  }
}

export const renderCollection = (name: string, items: readonly object[], self: string): object => ({
  [name]: items,
  links: { next: null, self, previous: null },
})

export function renderApplicationCredential(credential: ApplicationCredential, root: string, secret?: string): object {
  const { id, name, description, user, project, roles, expiresAt } = credential
  return {
    id,
    name,
    description,
    user_id: user.id,
    project_id: project.id,
    roles: roles.map((role) => ({ id: roleIdOf(role), name: role, domain_id: null })),
    expires_at: expiresAt ? formatTime(expiresAt) : null,
    unrestricted: false,
    system: null,
    ...(secret === undefined ? {} : { secret }),
    ...selfLink(root, 'users', user.id, 'application_credentials', id),
  }
}

const services = [
  { type: 'compute', name: 'nova', path: '/compute/v2.1' },
  { type: 'identity', name: 'keystone', path: '/identity/v3' },
  { type: 'image', name: 'glance', path: '/image' },
  { type: 'network', name: 'neutron', path: '/network' },
] as const
const interfaces = ['public', 'internal', 'admin'] as const

/** @param address the address of the shim */
export const renderCatalog = (address: string, region: string): object[] =>
  services.map(({ type, name, path }) => ({
    id: type,
    type,
    name,
    endpoints: interfaces.map((kind) => ({
      id: `${type}-${kind}`,
      interface: kind,
      region,
      region_id: region,
      url: `${address}${path}`,
    })),
  }))

export const renderService = ({ type, name }: (typeof services)[number], root: string): object => ({
  id: type,
  type,
  name,
  enabled: true,
  description: '',
  ...selfLink(root, 'services', type),
})
export const listServices = (root: string): object[] => services.map((service) => renderService(service, root))

export const listEndpoints = (address: string, region: string, root: string): object[] =>
  services.flatMap(({ type, path }) =>
    interfaces.map((kind) => ({
      id: `${type}-${kind}`,
      interface: kind,
      region,
      region_id: region,
      service_id: type,
      url: `${address}${path}`,
      enabled: true,
      ...selfLink(root, 'endpoints', `${type}-${kind}`),
    })),
  )

export function renderToken({ caller, methods, auditId, issuedAt, expiresAt }: TokenInfo, catalog?: object[]): object {
  const { user, project, roles } = caller
  return {
    methods,
    user: { ...user, domain, password_expires_at: null },
    audit_ids: [auditId],
    issued_at: formatTime(issuedAt),
    expires_at: formatTime(expiresAt),
    ...(project === undefined
      ? {}
      : {
          project: { id: project.id, name: project.name, domain },
          is_domain: false,
          roles: [...roles].map((role) => ({ id: roleIdOf(role), name: role })),
          ...(catalog === undefined ? {} : { catalog }),
        }),
  }
}
