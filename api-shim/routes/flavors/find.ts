import type { Flavor } from '../../../crds/index.ts'
import { newNotFound } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import { flavors, flavorsById } from '../../state/stores.ts'
import type { RouteRequest } from '../route.ts'

type Request = Pick<RouteRequest<never>, 'state' | 'caller'>

/** Administrators, and the projects in its access list, may use a private flavor. */
export const isUsableBy = ({ spec }: Flavor, { caller }: Pick<Request, 'caller'>): boolean =>
  spec.isPublic || isAdmin(caller) || (spec.access ?? []).includes(caller.project?.namespace ?? '')

export async function listFlavors(request: Request): Promise<Flavor[]> {
  const reader = await request.state.read(flavors)
  return reader.list()
}

const flavorNotFound = (id: string): Error => newNotFound(`Flavor ${id} could not be found.`)

/** Undefined if there is no such flavor, or if the caller may not use it. */
export async function findUsableFlavor(request: Request, id: string): Promise<Flavor | undefined> {
  const [flavor] = (await request.state.read(flavors)).find(flavorsById, id)
  return flavor && isUsableBy(flavor, request) ? flavor : undefined
}

/** Throws a 404 if there is no such flavor, or if the caller may not use it. */
export async function findFlavor(request: Request, id = ''): Promise<Flavor> {
  const flavor = await findUsableFlavor(request, id)
  if (!flavor) throw flavorNotFound(id)
  return flavor
}
