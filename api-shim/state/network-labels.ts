import type { Server } from '../../crds/index.ts'
import { keyOf } from '../../kube/types.ts'
import { displayNameOf } from './names.ts'
import type { State } from './state.ts'
import { networks, ports } from './stores.ts'

/**
 * The names in Neutron of the networks of a server's addresses, in their order, as a JSON list. It is one text, so that
 * views can compare it. Empty if they are the names that stand in the status.
 */
export function networkLabelsOf(server: Server, state: State): string {
  const names = (server.status?.addresses ?? []).map(({ network }) => network)
  const labels = names.map((name) => labelOf(server, name, state))
  return labels.every((label, i) => label === names[i]) ? '' : JSON.stringify(labels)
}

function labelOf({ metadata, spec }: Server, name: string, state: State): string {
  const { namespace } = metadata
  const portOf = (port: string) => state.storeOf(ports).cache.get(keyOf({ namespace, name: port }))
  const references = spec.networks.map((one) => (one.port === undefined ? one : portOf(one.port)?.spec.network))
  const reference = references.find((one) => one?.name === name)
  const network = state.storeOf(networks).cache.get(keyOf({ namespace: reference?.namespace ?? namespace, name }))
  return network ? displayNameOf(network) : name
}
