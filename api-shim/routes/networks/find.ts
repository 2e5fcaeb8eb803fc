import type { Network, Port, Subnet } from '../../../crds/index.ts'
import type { StoreDef } from '../../../kube/store.ts'
import { type KubeObject, keyOf } from '../../../kube/types.ts'
import { newConflict, newForbidden, newNotFound } from '../../http/fault.ts'
import { isAdmin } from '../../identity/caller.ts'
import { subnetsOf } from '../../state/network-facts.ts'
import type { State } from '../../state/state.ts'
import { networks, networksById, ports, portsById, servers } from '../../state/stores.ts'
import { type NetworkViewContext, subnetIdOf } from '../../views/networks.ts'
import type { RouteRequest } from '../route.ts'

type Request = Pick<RouteRequest, 'state' | 'caller'>

export function networkViewOf({ state, caller }: Request): NetworkViewContext {
  const { shared } = state
  return {
    isAdmin: isAdmin(caller),
    projectIdOf: (namespace = '') => shared.projectOf(namespace).id,
    networkOf: (port) => networkOfPort(port, { state, caller }),
    serverOf: ({ metadata, spec, status }) =>
      shared.storeOf(servers).cache.get(keyOf({ namespace: metadata.namespace, name: status?.server ?? spec.server })),
  }
}

/** The Network of a Port, even if the caller may not read that Network. */
export const networkOfPort = ({ metadata, spec: { network } }: Port, { state }: Request): Network | undefined =>
  state.shared
    .storeOf(networks)
    .cache.get(keyOf({ namespace: network.namespace ?? metadata.namespace, name: network.name }))

async function listAll<T extends KubeObject>({ state, caller }: Request, def: StoreDef<T>): Promise<T[]> {
  const reader = await state.read(def)
  return isAdmin(caller) ? reader.listAllProjects() : reader.list()
}
export const listNetworks = (request: Request): Promise<Network[]> => listAll(request, networks)
export const listPorts = (request: Request): Promise<Port[]> => listAll(request, ports)

export async function findNetwork({ state }: Request, id: string): Promise<Network> {
  const [network] = (await state.read(networks)).find(networksById, id)
  if (!network) throw newNotFound(`Network ${id} could not be found.`)
  return network
}

export async function findPort({ state }: Request, id: string): Promise<Port> {
  const [port] = (await state.read(ports)).find(portsById, id)
  if (!port) throw newNotFound(`Port ${id} could not be found.`)
  return port
}

export async function findSubnet(request: Request, id: string): Promise<{ network: Network; subnet: Subnet }> {
  for (const network of await listNetworks(request)) {
    const subnet = subnetsOf(network).find((candidate) => subnetIdOf(network, candidate) === id)
    if (subnet) return { network, subnet }
  }
  throw newNotFound(`Subnet ${id} could not be found.`)
}

/**
 * Throws a 403 if the object belongs to another project, unless the caller is an administrator.
 * @param rule Neutron's rule, such as `update_network`
 */
export function checkOwner({ state, caller }: Request, { metadata }: KubeObject, rule: string): void {
  if (!isAdmin(caller) && metadata.namespace !== state.namespace)
    throw newForbidden(`rule:${rule} is disallowed by policy`)
}

function portsOn({ state, caller }: Request, network: Network): Port[] {
  const all = state.shared.storeOf(ports).cache.list()
  return all.filter((port) => networkOfPort(port, { state, caller }) === network)
}

/**
 * The ports that keep the network from being deleted. The ports of a server that is gone go soon after it, in Neutron
 * before it; so wait for them.
 */
export async function findBlockingPorts(request: Request, network: Network): Promise<Port[]> {
  const { shared } = request.state
  const waiter = shared.waiterOf(ports)
  const leaving = portsOn(request, network).filter((port) => isOwnerGone(port, shared))
  const waitForEnd = async ({ metadata }: Port): Promise<void> => {
    await waiter?.waitFor(keyOf(metadata), (port) => port?.metadata.uid !== metadata.uid)
  }
  await Promise.all(leaving.map(waitForEnd))
  return portsOn(request, network)
}

const isOwnerGone = ({ metadata: { namespace, ownerReferences = [] } }: Port, shared: State): boolean =>
  ownerReferences.some(
    ({ kind, name, uid }) =>
      kind === servers.kind.kind && shared.storeOf(servers).cache.get(keyOf({ namespace, name }))?.metadata.uid !== uid,
  )

/** Throws a 409 if there are ports on the network. */
export async function checkNoPorts(request: Request, network: Network, what: string): Promise<void> {
  const used = await findBlockingPorts(request, network)
  if (used.length > 0)
    throw newConflict(
      `Unable to complete operation on ${what}. There are one or more ports still in use on the network, id for these ports is: ${used.map(({ metadata }) => metadata.uid).join(',')}.`,
    )
}
