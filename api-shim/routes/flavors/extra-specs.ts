/** The extra specs of a flavor. */

import type { Flavor } from '../../../crds/index.ts'
import { newBadRequest, newNotFound } from '../../http/fault.ts'
import { flavors } from '../../state/stores.ts'
import { getOwn } from '../../validation/get-own.ts'
import { noParameters } from '../../validation/parameters.ts'
import { pythonStr } from '../../validation/python.ts'
import type { TypeOf } from '../../validation/schema.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { checkExtraSpec } from './extra-spec-rules.ts'
import { findFlavor } from './find.ts'
import { createExtraSpecsBody, updateExtraSpecBody } from './schemas.ts'
import { extraSpecsPolicy } from './show.ts'

const policyOf = (operation: string) =>
  ({ rule: `os_compute_api:os-flavor-extra-specs:${operation}`, role: 'admin' }) as const

/** Before 2.86, Nova does not check keys and values. */
const CHECKED_SINCE = 86

/** Throws a 400 for a value that Nova does not accept at this microversion. */
function textsOf(specs: Readonly<Record<string, string | number>>, { version }: RouteRequest): object {
  const texts = Object.entries(specs).map(([key, value]) => [key, pythonStr(value)] as const)
  if (version >= CHECKED_SINCE) for (const [key, text] of texts) checkExtraSpec(key, text)
  return Object.fromEntries(texts)
}

/** Throws a 404 if the flavor does not have the key of the path. */
function valueIn({ spec: { extraSpecs = {} } }: Flavor, { params }: RouteRequest): string {
  const { flavor_id: id, key = '' } = params
  const value = getOwn(extraSpecs, key)
  if (value === undefined) throw newNotFound(`Flavor ${id} has no extra specs with key ${key}.`)
  return value
}

async function writeSpecs(flavor: Flavor, extraSpecs: object, { state }: RouteRequest): Promise<void> {
  await state.write(flavors).patch(flavor.metadata, { spec: { extraSpecs } })
}

export const extraSpecsList = defineRoute<null>({
  name: 'flavor-extra-specs:list',
  method: 'GET',
  path: '/flavors/{flavor_id}/os-extra_specs',
  success: 200,
  policy: extraSpecsPolicy,
  query: noParameters,
  async handle(request) {
    const { spec } = await findFlavor(request, request.params['flavor_id'])
    return { body: { extra_specs: { ...spec.extraSpecs } } }
  },
})

export const extraSpecsCreate = defineRoute<TypeOf<typeof createExtraSpecsBody>>({
  name: 'flavor-extra-specs:create',
  method: 'POST',
  path: '/flavors/{flavor_id}/os-extra_specs',
  success: 200,
  policy: policyOf('create'),
  body: { '2.1': createExtraSpecsBody },
  async handle(request) {
    const { body, params } = request
    const texts = textsOf(body.extra_specs, request)
    await writeSpecs(await findFlavor(request, params['flavor_id']), texts, request)
    return { body }
  },
})

export const extraSpecsShow = defineRoute<null>({
  name: 'flavor-extra-specs:show',
  method: 'GET',
  path: '/flavors/{flavor_id}/os-extra_specs/{key}',
  success: 200,
  policy: { rule: 'os_compute_api:os-flavor-extra-specs:show', role: 'reader' },
  query: noParameters,
  async handle(request) {
    const { flavor_id: id, key = '' } = request.params
    return { body: { [key]: valueIn(await findFlavor(request, id), request) } }
  },
})

export const extraSpecsUpdate = defineRoute<TypeOf<typeof updateExtraSpecBody>>({
  name: 'flavor-extra-specs:update',
  method: 'PUT',
  path: '/flavors/{flavor_id}/os-extra_specs/{key}',
  success: 200,
  policy: policyOf('update'),
  body: { '2.1': updateExtraSpecBody },
  async handle(request) {
    const { body, params } = request
    const texts = textsOf(body, request)
    if (!Object.hasOwn(body, params['key'] ?? '')) throw newBadRequest('Request body and URI mismatch')
    await writeSpecs(await findFlavor(request, params['flavor_id']), texts, request)
    return { body }
  },
})

export const extraSpecsDelete = defineRoute<null>({
  name: 'flavor-extra-specs:delete',
  method: 'DELETE',
  path: '/flavors/{flavor_id}/os-extra_specs/{key}',
  success: 200,
  policy: policyOf('delete'),
  async handle(request) {
    const { flavor_id: id, key = '' } = request.params
    const flavor = await findFlavor(request, id)
    valueIn(flavor, request)
    await writeSpecs(flavor, { [key]: null }, request)
    return {}
  },
})
