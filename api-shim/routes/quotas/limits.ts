/** GET /limits. */
import { classLimits, projectLimits } from '../../state/quotas.ts'
import { countUsage } from '../../state/usage.ts'
import { querySchema, repeatedParameter, stringSchema } from '../../validation/schema.ts'
import { renderAbsoluteLimits } from '../../views/quotas.ts'
import { defineRoute } from '../route.ts'

const parameters = { tenant_id: repeatedParameter(stringSchema()) }

export const limitsList = defineRoute<null>({
  name: 'limits:list',
  method: 'GET',
  path: '/limits',
  success: 200,
  policy: { rule: 'os_compute_api:limits', role: 'any' },
  query: { '2.1': querySchema(parameters), '2.75': querySchema(parameters, { additionalProperties: false }) },
  async handle(request) {
    const { state, services, version, caller } = request
    const requested = request.query['tenant_id']?.at(-1)
    if (requested !== undefined) request.authorize({ rule: 'os_compute_api:limits:other_project', role: 'admin' })
    const project = requested === undefined ? caller.project : state.shared.findProject(requested)
    // Nova does not look whether the project exists: an unknown one has the default limits and uses nothing.
    const limits = project ? projectLimits(project.namespace, services) : classLimits('default', services)
    const usage = project ? await countUsage(project.namespace, state) : { instances: 0, cores: 0, ram: 0 }
    return { body: { limits: { rate: [], absolute: renderAbsoluteLimits(limits, usage, version) } } }
  },
})
