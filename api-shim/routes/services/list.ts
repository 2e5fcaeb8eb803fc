/** GET /os-services. */
import { querySchema, repeatedParameter, stringSchema } from '../../validation/schema.ts'
import { renderService } from '../../views/services.ts'
import { defineRoute } from '../route.ts'
import { listServices } from './services.ts'

const parameters = { host: repeatedParameter(stringSchema()), binary: repeatedParameter(stringSchema()) }

export const servicesList = defineRoute<null>({
  name: 'services:list',
  method: 'GET',
  path: '/os-services',
  success: 200,
  policy: { rule: 'os_compute_api:os-services:list', role: 'admin' },
  query: { '2.1': querySchema(parameters), '2.75': querySchema(parameters, { additionalProperties: false }) },
  async handle(request) {
    const host = request.query['host']?.at(-1) || undefined
    const binary = request.query['binary']?.at(-1) || undefined
    const found = (await listServices(request)).filter(
      (service) => (host === undefined || service.host === host) && (binary === undefined || service.binary === binary),
    )
    return { body: { services: found.map((service) => renderService(service, request.version)) } }
  },
})
