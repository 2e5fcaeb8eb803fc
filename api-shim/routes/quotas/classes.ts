/** /os-quota-class-sets/{class}: the limits of a quota class. The class `default` counts for all projects. */
import { newBadRequest } from '../../http/fault.ts'
import { classLimits, writeLimits } from '../../state/quotas.ts'
import { noParameters } from '../../validation/parameters.ts'
import { renderLimits } from '../../views/quotas.ts'
import { defineRoute } from '../route.ts'
import { type QuotaClassBody, shownInClass, updateQuotaClassBody } from './schemas.ts'
import { limitsFrom } from './sets.ts'

const path = '/os-quota-class-sets/{id}'
const MAX_NAME = 255

export const quotaClassesShow = defineRoute<null>({
  name: 'quota-class-sets:show',
  method: 'GET',
  path,
  success: 200,
  policy: { rule: 'os_compute_api:os-quota-class-sets:show', role: 'admin' },
  query: noParameters,
  async handle({ params, services, version }) {
    const { id = '' } = params
    return { body: { quota_class_set: { id, ...renderLimits(classLimits(id, services), shownInClass(version)) } } }
  },
})

export const quotaClassesUpdate = defineRoute<QuotaClassBody>({
  name: 'quota-class-sets:update',
  method: 'PUT',
  path,
  success: 200,
  policy: { rule: 'os_compute_api:os-quota-class-sets:update', role: 'admin' },
  body: updateQuotaClassBody,
  async handle(request) {
    const { params, body, services, version } = request
    const { id = '' } = params
    if (id.length > MAX_NAME)
      throw newBadRequest(`quota_class_name has ${id.length} characters, more than ${MAX_NAME}.`)
    const change = limitsFrom(body.quota_class_set)
    if (Object.keys(change).length > 0)
      await writeLimits({ namespace: services.namespace, section: 'classes', name: id }, change, request)
    return { body: { quota_class_set: renderLimits(classLimits(id, services), shownInClass(version)) } }
  },
})
