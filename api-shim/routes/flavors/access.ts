import type { Flavor } from '../../../crds/index.ts'
import { newBadRequest, newConflict, newNotFound } from '../../http/fault.ts'
import { flavorIdOf } from '../../state/flavor-facts.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { flavors } from '../../state/stores.ts'
import { noParameters } from '../../validation/parameters.ts'
import { objectSchema, stringSchema, type TypeOf } from '../../validation/schema.ts'
import { defineRoute, type RouteRequest } from '../route.ts'
import { findFlavor } from './find.ts'

const tenant = objectSchema({ tenant: stringSchema({ minLength: 1, maxLength: 255 }) }, { required: ['tenant'] })
const addBody = objectSchema({ addTenantAccess: tenant }, { required: ['addTenantAccess'] })
const removeBody = objectSchema({ removeTenantAccess: tenant }, { required: ['removeTenantAccess'] })

type Request = Pick<RouteRequest<never>, 'state'>

/** Flavors name projects by their namespaces. A namespace that no longer exists has no ID, and is left out. */
const renderAccess = (flavor: Flavor, { state }: Request): object => ({
  flavor_access: (flavor.spec.access ?? []).flatMap((namespace) => {
    const { id } = state.shared.projectOf(namespace)
    return id === '' ? [] : [{ flavor_id: flavorIdOf(flavor), tenant_id: id }]
  }),
})

export const flavorAccessList = defineRoute<null>({
  name: 'flavor-access:list',
  method: 'GET',
  path: '/flavors/{flavor_id}/os-flavor-access',
  success: 200,
  policy: { rule: 'os_compute_api:os-flavor-access', role: 'admin' },
  query: noParameters,
  async handle(request) {
    const flavor = await findFlavor(request, request.params['flavor_id'])
    if (flavor.spec.isPublic) throw newNotFound('Access list not available for public flavors.')
    return { body: renderAccess(flavor, request) }
  },
})

export const flavorAccessAdd = defineRoute<TypeOf<typeof addBody>>({
  name: 'flavor-access:add',
  method: 'POST',
  path: '/flavors/{flavor_id}/action',
  action: 'addTenantAccess',
  success: 200,
  policy: { rule: 'os_compute_api:os-flavor-access:add_tenant_access', role: 'admin' },
  body: { '2.1': addBody },
  async handle(request) {
    const { tenant: id } = request.body.addTenantAccess
    const project = request.state.shared.findProject(id)
    if (!project) throw newBadRequest(`Project ID ${id} is not a valid project.`)
    const add = (flavor: Flavor): MergePatch => {
      // A Flavor cannot be public and have an access list, so the answer is a 409 at every microversion. Before 2.7,
      // Nova accepts the request without effect.
      if (flavor.spec.isPublic) throw newConflict('Can not add access to a public flavor.')
      const { access = [] } = flavor.spec
      if (access.includes(project.namespace))
        throw newConflict(
          `Flavor access already exists for flavor ${flavorIdOf(flavor)} and project ${id} combination.`,
        )
      return { spec: { access: [...access, project.namespace] } }
    }
    const flavor = await findFlavor(request, request.params['flavor_id'])
    return { body: renderAccess(await patchNewest(flavors, flavor, add, request), request) }
  },
})

export const flavorAccessRemove = defineRoute<TypeOf<typeof removeBody>>({
  name: 'flavor-access:remove',
  method: 'POST',
  path: '/flavors/{flavor_id}/action',
  action: 'removeTenantAccess',
  success: 200,
  policy: { rule: 'os_compute_api:os-flavor-access:remove_tenant_access', role: 'admin' },
  body: { '2.1': removeBody },
  async handle(request) {
    const { tenant: id } = request.body.removeTenantAccess
    const project = request.state.shared.findProject(id)
    const remove = (flavor: Flavor): MergePatch => {
      const { access = [] } = flavor.spec
      if (!project || !access.includes(project.namespace))
        throw newNotFound(`Flavor access not found for ${flavorIdOf(flavor)} / ${id} combination.`)
      return { spec: { access: access.filter((namespace) => namespace !== project.namespace) } }
    }
    const flavor = await findFlavor(request, request.params['flavor_id'])
    return { body: renderAccess(await patchNewest(flavors, flavor, remove, request), request) }
  },
})
