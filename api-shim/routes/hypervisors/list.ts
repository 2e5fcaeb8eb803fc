/** GET /os-hypervisors and GET /os-hypervisors/detail. */
import type { Hypervisor } from '../../../crds/index.ts'
import { newBadRequest } from '../../http/fault.ts'
import { cutPage, nextLink, type PageOf, pageRequestOf } from '../../http/pages.ts'
import { numericIdOf } from '../../state/numeric-ids.ts'
import {
  boolean,
  isTrue,
  nonNegativeInteger,
  pagination,
  querySchema,
  singleParameter,
  stringSchema,
} from '../../validation/schema.ts'
import { hypervisorIdOf, renderHypervisor } from '../../views/hypervisors.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { fqdn } from '../services/schemas.ts'
import { listHypervisors } from '../services/services.ts'
import { describeHypervisor, hypervisorRule, listServersOf, matchHypervisors } from './find.ts'

type Request = RouteRequest<null>

const schemas = {
  '2.1': querySchema({}),
  '2.33': querySchema(pagination),
  '2.53': querySchema(
    {
      limit: singleParameter(nonNegativeInteger),
      marker: singleParameter(stringSchema()),
      hypervisor_hostname_pattern: singleParameter(fqdn),
      with_servers: singleParameter(boolean),
    },
    { additionalProperties: false },
  ),
} as const

const PAGED_SINCE = 33

async function pageOf(request: Request): Promise<PageOf<Hypervisor>> {
  const { query: parameters, version } = request
  const pattern = parameters['hypervisor_hostname_pattern']?.at(-1)
  if (pattern !== undefined) {
    if (parameters['limit'] !== undefined || parameters['marker'] !== undefined)
      throw newBadRequest(
        'The server could not comply with the request since it is either malformed or otherwise incorrect.',
      )
    return { items: await matchHypervisors(pattern, request) }
  }
  const all = await listHypervisors(request)
  if (version < PAGED_SINCE) return { items: all }
  const { limit, marker } = pageRequestOf(parameters)
  const idOf = (hypervisor: Hypervisor): string => String(hypervisorIdOf(hypervisor, version))
  // At every microversion, Nova accepts both kinds of ID as the marker.
  const marked = all.find(
    (hypervisor) => hypervisor.metadata.uid === marker || String(numericIdOf(hypervisor)) === marker,
  )
  return cutPage(all, { limit, ...(marker === undefined ? {} : { marker: marked ? idOf(marked) : marker }) }, idOf)
}

const requestedServersOf = async (
  hypervisor: Hypervisor,
  request: Request,
): Promise<Awaited<ReturnType<typeof listServersOf>> | undefined> =>
  isTrue(request.query['with_servers']?.at(-1)) ? listServersOf(hypervisor, request) : undefined

async function reply(
  request: Request,
  path: readonly string[],
  render: (hypervisor: Hypervisor) => Promise<object>,
): Promise<{ body: object }> {
  const page = await pageOf(request)
  return {
    body: {
      hypervisors: await Promise.all(page.items.map(render)),
      ...nextLink('hypervisors', page, request.links.self(...path), request.query),
    },
  }
}

export const hypervisorsList = defineRoute<null>({
  name: 'hypervisors:list',
  method: 'GET',
  path: '/os-hypervisors',
  success: 200,
  policy: hypervisorRule('list'),
  query: schemas,
  handle: async (request) =>
    reply(request, ['os-hypervisors'], async (hypervisor) =>
      renderHypervisor(hypervisor, {
        version: request.version,
        servers: await requestedServersOf(hypervisor, request),
      }),
    ),
})

export const hypervisorsDetail = defineRoute<null>({
  name: 'hypervisors:detail',
  method: 'GET',
  path: '/os-hypervisors/detail',
  success: 200,
  policy: hypervisorRule('list-detail'),
  query: schemas,
  handle: async (request) =>
    reply(request, ['os-hypervisors', 'detail'], async (hypervisor) =>
      describeHypervisor(hypervisor, request, await requestedServersOf(hypervisor, request)),
    ),
})
