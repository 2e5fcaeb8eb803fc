/** /os-quota-sets/{project}: the limits of a project, or with `user_id` those of one of its users. */
import { newBadRequest } from '../../http/fault.ts'
import { isAdmin, type Project } from '../../identity/caller.ts'
import {
  classLimits,
  type Limits,
  ownerOfProject,
  projectLimits,
  type QuotaResource,
  type SomeLimits,
  userLimits,
  writeLimits,
} from '../../state/quotas.ts'
import { countUsage } from '../../state/usage.ts'
import { isTrue, querySchema } from '../../validation/schema.ts'
import { renderLimits, renderLimitsInUse } from '../../views/quotas.ts'
import { defineRoute, type Policy, type RouteRequest } from '../route.ts'
import { type QuotaChange, type QuotaSetBody, quotaSetQuery, shownInSet, updateQuotaSetBody } from './schemas.ts'

type Request = RouteRequest

const path = '/os-quota-sets/{id}'
const ruleOf = (operation: string): string => `os_compute_api:os-quota-sets:${operation}`
const adminPolicy = (operation: string): Policy => ({ rule: ruleOf(operation), role: 'admin' })
const readerPolicy = (operation: string): Policy => ({ rule: ruleOf(operation), role: 'reader', inHandler: true })

function authorizeFor({ params, caller, authorize }: Request, operation: string): void {
  const isOwn = params['id'] === caller.project?.id
  authorize({ rule: ruleOf(operation), role: isOwn ? 'reader' : 'admin' })
}

/** Throws a 400 if no project has the ID in the path. */
function projectOf({ params, state }: Request): Project {
  const { id = '' } = params
  const project = state.shared.findProject(id)
  if (!project) throw newBadRequest(`Project ID ${id} is not a valid project.`)
  return project
}

const userOf = ({ query }: Request): string | undefined => query['user_id']?.[0]

const limitsFor = ({ namespace }: Project, request: Request): Limits => {
  const userId = userOf(request)
  return userId === undefined
    ? projectLimits(namespace, request.services)
    : userLimits(namespace, userId, request.services)
}

export const quotaSetsShow = defineRoute<null>({
  name: 'quota-sets:show',
  method: 'GET',
  path,
  success: 200,
  policy: readerPolicy('show'),
  query: quotaSetQuery,
  async handle(request) {
    authorizeFor(request, 'show')
    const project = projectOf(request)
    const limits = renderLimits(limitsFor(project, request), shownInSet(request.version))
    return { body: { quota_set: { id: project.id, ...limits } } }
  },
})

export const quotaSetsDetail = defineRoute<null>({
  name: 'quota-sets:detail',
  method: 'GET',
  path: `${path}/detail`,
  success: 200,
  policy: readerPolicy('detail'),
  query: quotaSetQuery,
  async handle(request) {
    authorizeFor(request, 'detail')
    const project = projectOf(request)
    const usage = await countUsage(project.namespace, request.state, userOf(request))
    const limits = renderLimitsInUse(limitsFor(project, request), { ...usage }, shownInSet(request.version))
    return { body: { quota_set: { id: project.id, ...limits } } }
  },
})

export const quotaSetsDefaults = defineRoute<null>({
  name: 'quota-sets:defaults',
  method: 'GET',
  path: `${path}/defaults`,
  success: 200,
  policy: { rule: ruleOf('defaults'), role: 'any' },
  query: { '2.1': querySchema({}) },
  async handle(request) {
    const { id = '' } = request.params
    // As in Nova, which asks Keystone as the caller: Keystone tells only administrators that a project does not exist.
    if (isAdmin(request.caller)) projectOf(request)
    const limits = renderLimits(classLimits('default', request.services), shownInSet(request.version))
    return { body: { quota_set: { id, ...limits } } }
  },
})

const isLess = (limit: number, other: number): boolean => (other === -1 ? limit !== -1 : limit !== -1 && limit < other)

/** Throws a 400 if a limit is below what is used, or if a user's limit is above that of the project. */
async function checkLimits(change: SomeLimits, { namespace }: Project, request: Request): Promise<void> {
  const userId = userOf(request)
  const usage: SomeLimits = { ...(await countUsage(namespace, request.state, userId)) }
  const most = projectLimits(namespace, request.services)
  for (const [resource, limit] of Object.entries(change) as [QuotaResource, number][]) {
    const used = usage[resource] ?? 0
    if (isLess(limit, used))
      throw newBadRequest(
        `Quota limit ${limit} for ${resource} must be greater than or equal to already used and reserved ${used}.`,
      )
    if (userId !== undefined && isLess(most[resource], limit))
      throw newBadRequest(`Quota limit ${limit} for ${resource} must be less than or equal to ${most[resource]}.`)
  }
}

/** The limits of a body as numbers. */
export const limitsFrom = (change: QuotaChange): SomeLimits =>
  Object.fromEntries(
    Object.entries(change).flatMap(([resource, limit]) => (resource === 'force' ? [] : [[resource, Number(limit)]])),
  )

export const quotaSetsUpdate = defineRoute<QuotaSetBody>({
  name: 'quota-sets:update',
  method: 'PUT',
  path,
  success: 200,
  policy: adminPolicy('update'),
  body: updateQuotaSetBody,
  query: quotaSetQuery,
  async handle(request) {
    const project = projectOf(request)
    const { quota_set: body } = request.body
    const change = limitsFrom(body)
    if (!isTrue(body.force)) await checkLimits(change, project, request)
    if (Object.keys(change).length > 0)
      await writeLimits(ownerOfProject(project.namespace, userOf(request)), change, request)
    return { body: { quota_set: renderLimits(limitsFor(project, request), shownInSet(request.version)) } }
  },
})

export const quotaSetsDelete = defineRoute<null>({
  name: 'quota-sets:delete',
  method: 'DELETE',
  path,
  success: 202,
  policy: adminPolicy('delete'),
  query: quotaSetQuery,
  async handle(request) {
    // As in Nova, an unknown project is no error.
    const project = request.state.shared.findProject(request.params['id'] ?? '')
    if (project) await writeLimits(ownerOfProject(project.namespace, userOf(request)), null, request)
    return {}
  },
})
