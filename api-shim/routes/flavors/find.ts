/** Finds the flavors that a caller may use. */
import type { Flavor } from '../../../crds/index.ts'
import { notFound } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import { flavors } from '../../state/stores.ts'
import type { RouteRequest } from '../route.ts'

type Request = Pick<RouteRequest<never>, 'state' | 'caller'>

/** A flavor that is not public may be used by the projects in its access list, and by administrators. */
export const isUsableBy = ({ spec }: Flavor, { caller }: Pick<Request, 'caller'>): boolean =>
  spec.isPublic || isAdmin(caller) || (spec.access ?? []).includes(caller.project?.name ?? '')

export async function listFlavors(request: Request): Promise<Flavor[]> {
  const reader = await request.state.read(flavors)
  return reader.list()
}

/** Throws a 404 if there is no such flavor, or if the caller may not use it. */
export async function findFlavor(request: Request, id: string): Promise<Flavor> {
  const reader = await request.state.read(flavors)
  const flavor = reader.get(id)
  if (!flavor || !isUsableBy(flavor, request)) throw notFound(`Flavor ${id} could not be found.`)
  return flavor
}
