/** GET /flavors/{flavor_id}. */
import { noParameters } from '../../validation/parameters.ts'
import { renderFlavor } from '../../views/flavors.ts'
import { defineRoute, type Policy } from '../route.ts'
import { findFlavor } from './find.ts'

export const extraSpecsPolicy: Policy = { rule: 'os_compute_api:os-flavor-extra-specs:index', role: 'reader' }

export const flavorsShow = defineRoute<null>({
  name: 'flavors:show',
  method: 'GET',
  path: '/flavors/{flavor_id}',
  success: 200,
  policy: { rule: 'os_compute_api:flavors:show', role: 'any' },
  query: noParameters,
  async handle(request) {
    const { version, links, params } = request
    const flavor = await findFlavor(request, params['flavor_id'])
    const showsExtraSpecs = request.can(extraSpecsPolicy)
    return { body: { flavor: renderFlavor(flavor, { version, links, showsExtraSpecs }) } }
  },
})
