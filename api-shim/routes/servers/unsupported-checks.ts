import type { Server } from '../../../crds/index.ts'
import { newBadRequest, newNotFound } from '../../http/fault.ts'
import { isHostUp } from '../../state/compute-services.ts'
import { flavorIdOf } from '../../state/flavor-facts.ts'
import { hypervisors } from '../../state/stores.ts'
import { isTrue } from '../../validation/schema.ts'
import { isUsableBy, listFlavors } from '../flavors/find.ts'
import type { RouteRequest } from '../route.ts'
import { findActiveImage } from './boot-image.ts'

type Request = RouteRequest

export async function checkImage(_server: Server, value: unknown, request: Request): Promise<void> {
  const { imageRef: id } = value as { imageRef: string }
  if (!(await findActiveImage(id, request))) throw newBadRequest('Cannot find image for rebuild')
}

export async function checkFlavor(server: Server, value: unknown, request: Request): Promise<void> {
  const id = String((value as { flavorRef: string | number }).flavorRef)
  const flavor = (await listFlavors(request)).find((candidate) => flavorIdOf(candidate) === id)
  if (!flavor || !isUsableBy(flavor, request)) throw newBadRequest(`Flavor ${id} could not be found.`)
  if (server.spec.flavor === flavor.metadata.name) throw newBadRequest('When resizing, instances must change flavor!')
}

const isHost = async (name: string, { state }: Request): Promise<boolean> =>
  (await state.read(hypervisors)).get(name) !== undefined

const hostIn = (value: unknown): string | null | undefined => (value as { host?: string | null } | null)?.host

/** Naming the target host needs a rule of its own. @param rule the name of that rule */
export const authorizeHost =
  (rule: string) =>
  async (_server: Server, value: unknown, request: Request): Promise<void> => {
    if (hostIn(value)) request.authorize({ rule, role: 'admin' })
  }

export async function checkTargetHost(server: Server, value: unknown, request: Request): Promise<void> {
  const host = hostIn(value)
  if (!host) return
  if (server.status?.host === host) throw newBadRequest('Cannot migrate to the host where the server exists.')
  if (!(await isHost(host, request))) throw newBadRequest(`Compute host ${host} could not be found.`)
}

export async function checkEvacuationTarget(server: Server, value: unknown, request: Request): Promise<void> {
  const { host, force } = value as { host?: string; force?: unknown }
  if (isTrue(force) && host === undefined) throw newBadRequest("Can't force to a non-provided destination")
  if (host === undefined) return
  if (!(await isHost(host, request))) throw newNotFound(`Compute host ${host} not found.`)
  if (host === server.status?.host) throw newBadRequest("The target host can't be the same one.")
}

export async function checkSourceIsDown({ status }: Server, _value: unknown, { state }: Request): Promise<void> {
  const source = (await state.read(hypervisors)).get(status?.host ?? '')
  if (source && isHostUp(source)) throw newBadRequest(`Compute service of ${source.metadata.name} is still in use.`)
}
