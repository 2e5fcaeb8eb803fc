/** PUT and DELETE /flavors/{flavor_id}. */
import { flavors } from '../../state/stores.ts'
import { renderFlavor } from '../../views/flavors.ts'
import { defineRoute } from '../route.ts'
import { findFlavor } from './find.ts'
import { type UpdateFlavorBody, updateFlavorBody } from './schemas.ts'
import { extraSpecsPolicy } from './show.ts'

export const flavorsUpdate = defineRoute<UpdateFlavorBody>({
  name: 'flavors:update',
  method: 'PUT',
  path: '/flavors/{flavor_id}',
  since: '2.55',
  success: 200,
  policy: { rule: 'os_compute_api:os-flavor-manage:update', role: 'admin' },
  body: { '2.55': updateFlavorBody },
  async handle(request) {
    const { body, params, state, version, links } = request
    const { metadata } = await findFlavor(request, params['flavor_id'])
    const { description } = body.flavor
    const flavor = await state.write(flavors).patch(metadata, { spec: { description } })
    return {
      body: { flavor: renderFlavor(flavor, { version, links, showsExtraSpecs: request.can(extraSpecsPolicy) }) },
    }
  },
})

/** Servers keep their own copy of the flavor. */
export const flavorsDelete = defineRoute<null>({
  name: 'flavors:delete',
  method: 'DELETE',
  path: '/flavors/{flavor_id}',
  success: 202,
  policy: { rule: 'os_compute_api:os-flavor-manage:delete', role: 'admin' },
  async handle(request) {
    const flavor = await findFlavor(request, request.params['flavor_id'])
    await request.state.write(flavors).delete(flavor)
    return {}
  },
})
