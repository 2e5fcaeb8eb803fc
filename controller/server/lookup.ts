import { keyOf } from '../../kube/types.ts'
import { networksOnBridgeOf, serversByUuid } from '../indexes.ts'
import type { Allocations } from '../network/allocations.ts'
import type { Stores } from '../stores.ts'
import type { Lookup } from './resolve.ts'

export type LookupStores = Pick<Stores, 'flavors' | 'images' | 'keyPairs' | 'networks' | 'ports' | 'servers'>

export const createLookup = (
  { flavors, images, keyPairs, networks, ports, servers }: LookupStores,
  allocations: Pick<Allocations, 'tableOf'>,
): Lookup => ({
  flavor: (key) => flavors.cache.get(key),
  image: (key) => images.cache.get(key),
  keyPair: (key) => keyPairs.cache.get(key),
  network: (key) => networks.cache.get(key),
  networksOnBridgeOf: (network) => networksOnBridgeOf(network, { networks }),
  describeAddressUser: ({ metadata }, ip) => allocations.tableOf(keyOf(metadata)).describeUser(ip),
  port: (key) => ports.cache.get(key),
  serversByUuid: (uuid) => servers.cache.byIndex(serversByUuid, uuid),
})
