/** GET /flavors and GET /flavors/detail. */
import type { Flavor } from '../../../crds/index.ts'
import { newBadRequest } from '../../http/fault.ts'
import {
  cutPage,
  nextLink,
  type PageOf,
  pageRequestOf,
  type SortKey,
  type SortValue,
  sortItems,
} from '../../http/pages.ts'
import { compileRegex } from '../../http/regex.ts'
import { isAdmin } from '../../identity/caller.ts'
import { flavorIdOf, rxtxFactorOf } from '../../state/flavor-facts.ts'
import { displayNameOf } from '../../state/names.ts'
import { nonNegativeInteger, oneOf, querySchema, repeatedParameter, stringSchema } from '../../validation/schema.ts'
import { renderFlavor, renderFlavorSummary } from '../../views/flavors.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { isUsableBy, listFlavors } from './find.ts'
import { extraSpecsPolicy } from './show.ts'

const sortValues: Readonly<Record<string, (flavor: Flavor) => string | number | boolean | undefined>> = {
  created_at: ({ metadata }) => metadata.creationTimestamp,
  description: ({ spec }) => spec.description,
  disabled: () => false,
  ephemeral_gb: ({ spec }) => spec.ephemeral,
  flavorid: flavorIdOf,
  id: ({ metadata }) => metadata.creationTimestamp,
  is_public: ({ spec }) => spec.isPublic,
  memory_mb: ({ spec }) => spec.ram,
  name: displayNameOf,
  root_gb: ({ spec }) => spec.disk,
  rxtx_factor: rxtxFactorOf,
  swap: ({ spec }) => spec.swap,
  updated_at: () => undefined,
  vcpu_weight: () => 0,
  vcpus: ({ spec }) => spec.vcpus,
}

const parameters = {
  limit: repeatedParameter(nonNegativeInteger),
  marker: repeatedParameter(stringSchema()),
  is_public: repeatedParameter(stringSchema()),
  minRam: repeatedParameter(stringSchema()),
  minDisk: repeatedParameter(stringSchema()),
  sort_key: repeatedParameter(oneOf(Object.keys(sortValues), { type: 'string' })),
  sort_dir: repeatedParameter(oneOf(['asc', 'desc'], { type: 'string' })),
}
const { rxtx_factor: _rxtx, ...newSortValues } = sortValues
const newParameters = {
  ...parameters,
  sort_key: repeatedParameter(oneOf(Object.keys(newSortValues), { type: 'string' })),
  name: repeatedParameter(stringSchema()),
}

const schemas = {
  '2.1': querySchema(parameters),
  '2.75': querySchema(parameters, { additionalProperties: false }),
  '2.102': querySchema(newParameters, { additionalProperties: false }),
} as const

/** As in Nova, only the query's last sort key and last direction count. */
function sortKeysOf({ query }: RouteRequest<null>): SortKey<Flavor>[] {
  const valueOf = sortValues[query['sort_key']?.at(-1) ?? 'flavorid'] ?? flavorIdOf
  const ascending = (key: (flavor: Flavor) => SortValue): SortKey<Flavor> => ({ valueOf: key, descending: false })
  return [
    { valueOf, descending: query['sort_dir']?.at(-1) === 'desc' },
    ascending(({ metadata }) => metadata.creationTimestamp),
    ascending(flavorIdOf),
  ]
}

async function pageOf(request: RouteRequest<null>): Promise<PageOf<Flavor>> {
  // In other lists of Nova, an empty marker is none.
  if (request.query['marker']?.at(-1) === '') throw newBadRequest('marker [] not found')
  const all = (await listFlavors(request)).filter(filterOf(request))
  return cutPage(sortItems(all, sortKeysOf(request)), pageRequestOf(request.query), flavorIdOf)
}

function filterOf(request: RouteRequest<null>): (flavor: Flavor) => boolean {
  const minRam = numberOf(request, 'minRam')
  const minDisk = numberOf(request, 'minDisk')
  const isVisible = visibilityOf(request)
  const isNamed = nameFilterOf(request)
  return (flavor) =>
    flavor.spec.ram >= minRam && flavor.spec.disk >= minDisk && isVisible(flavor) && isNamed(displayNameOf(flavor))
}

/** Only administrators may filter by `is_public`. Others see the flavors that they may use. */
function visibilityOf(request: RouteRequest<null>): (flavor: Flavor) => boolean {
  const { caller } = request
  if (!isAdmin(caller)) return (flavor) => isUsableBy(flavor, request)
  const isPublic = publicFilterOf(request)
  const isOwn = ({ spec }: Flavor): boolean => (spec.access ?? []).includes(caller.project?.namespace ?? '')
  return (flavor) => isPublic === undefined || flavor.spec.isPublic === isPublic || (isPublic && isOwn(flavor))
}

function nameFilterOf({ query }: RouteRequest<null>): (name: string) => boolean {
  const text = query['name']?.at(-1)
  if (text === undefined) return () => true
  const matcher = compileRegex(text)
  if (!matcher) throw newBadRequest(`Invalid name filter [${text}]`)
  return (name) => matcher.test(name)
}

function numberOf({ query }: RouteRequest<null>, name: string): number {
  const text = query[name]?.at(-1)
  if (text === undefined) return 0
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw newBadRequest(`Invalid ${name} filter [${text}]`)
  return Number(text)
}

/** For administrators: `none` means public and private flavors, no parameter means public ones. */
function publicFilterOf({ query }: RouteRequest<null>): boolean | undefined {
  const text = query['is_public']?.at(-1)?.toLowerCase()
  if (text === undefined) return true
  if (text === 'none') return undefined
  if (['1', 't', 'true', 'on', 'y', 'yes'].includes(text)) return true
  if (['0', 'f', 'false', 'off', 'n', 'no'].includes(text)) return false
  throw newBadRequest(`Invalid is_public filter [${query['is_public']?.at(-1)}]`)
}

export const flavorsList = defineRoute<null>({
  name: 'flavors:list',
  method: 'GET',
  path: '/flavors',
  success: 200,
  policy: { rule: 'os_compute_api:flavors:index', role: 'any' },
  query: schemas,
  async handle(request) {
    const { version, links, query } = request
    const page = await pageOf(request)
    return {
      body: {
        flavors: page.items.map((flavor) => renderFlavorSummary(flavor, version, links)),
        ...nextLink('flavors', page, links.self('flavors'), query),
      },
    }
  },
})

export const flavorsDetail = defineRoute<null>({
  name: 'flavors:detail',
  method: 'GET',
  path: '/flavors/detail',
  success: 200,
  policy: { rule: 'os_compute_api:flavors:detail', role: 'any' },
  query: schemas,
  async handle(request) {
    const { version, links, query } = request
    const page = await pageOf(request)
    const options = { version, links, showsExtraSpecs: request.can(extraSpecsPolicy) }
    return {
      body: {
        flavors: page.items.map((flavor) => renderFlavor(flavor, options)),
        ...nextLink('flavors', page, links.self('flavors', 'detail'), query),
      },
    }
  },
})
