import { newBadRequest, newForbidden, newNotFound } from '../../http/fault.ts'
import type { ProjectChange, ProjectDetails } from '../../identity/backend.ts'
import { isTrue, type TypeOf } from '../../validation/schema.ts'
import { isDefaultDomain, renderProject } from '../../views/identity.ts'
import { defineRouteOf, type Route, type RouteRequest } from '../route.ts'
import { checkName, extraOfProject, projectCreation, projectUpdate } from './change-schemas.ts'
import { identityOf, rootOf } from './tokens.ts'

const defineIdentityRoute = defineRouteOf('identity')

type Fields = TypeOf<typeof projectUpdate>['project']

export function findProject(request: Pick<RouteRequest, 'services'>, id: string): ProjectDetails {
  const project = identityOf(request)
    .projects()
    .find((candidate) => candidate.id === id)
  if (!project) throw newNotFound(`Could not find project: ${id}.`)
  return project
}

function changeFrom(fields: Fields): ProjectChange {
  const { description, enabled, tags } = fields
  const extra = extraOfProject(fields)
  return {
    ...(description === undefined ? {} : { description: description ?? '' }),
    ...(enabled === undefined ? {} : { isEnabled: isTrue(enabled) }),
    ...(tags === undefined ? {} : { tags }),
    ...(extra === undefined ? {} : { extra }),
  }
}

/** All projects are direct children of the only domain. */
function checkFields({ domain_id: domain, name, parent_id: parent, is_domain: isDomain }: Fields): void {
  checkName(name)
  if (isTrue(isDomain)) throw newBadRequest('Multiple domains are not supported')
  if (domain !== undefined && domain !== null && !isDefaultDomain(domain))
    throw newBadRequest(`Could not find domain: ${domain}.`)
  if (parent !== undefined && parent !== null && !isDefaultDomain(parent))
    throw newBadRequest('Projects below other projects are not supported: leave parent_id out.')
}

const create = defineIdentityRoute<TypeOf<typeof projectCreation>>({
  name: 'projects:create',
  method: 'POST',
  path: '/projects',
  success: 201,
  policy: { rule: 'identity:create_project', role: 'admin' },
  body: { '2.0': projectCreation },
  async handle(request) {
    const { project: fields } = request.body
    checkFields(fields)
    const draft = { name: fields.name.trim(), ...changeFrom(fields) }
    const project = await identityOf(request).administration.createProject(request.caller, draft)
    return { body: { project: renderProject(project, rootOf(request)) } }
  },
})

const update = defineIdentityRoute<TypeOf<typeof projectUpdate>>({
  name: 'projects:update',
  method: 'PATCH',
  path: '/projects/{id}',
  success: 200,
  policy: { rule: 'identity:update_project', role: 'admin' },
  body: { '2.0': projectUpdate },
  async handle(request) {
    const { project: fields } = request.body
    const project = findProject(request, request.params['id'] ?? '')
    checkFields(fields)
    if (fields.name !== undefined && fields.name.trim() !== project.name)
      throw newForbidden('The name of a project is that of a namespace, and cannot change.')
    const { administration } = identityOf(request)
    const changed = await administration.updateProject(request.caller, project, changeFrom(fields))
    return { body: { project: renderProject(changed, rootOf(request)) } }
  },
})

const remove = defineIdentityRoute<never>({
  name: 'projects:delete',
  method: 'DELETE',
  path: '/projects/{id}',
  success: 204,
  policy: { rule: 'identity:delete_project', role: 'admin' },
  async handle(request) {
    const project = findProject(request, request.params['id'] ?? '')
    await identityOf(request).administration.deleteProject(request.caller, project)
    return {}
  },
})

export const projectRoutes: readonly Route[] = [create, update, remove]
