/** How the references of a Server are followed: in the caches. */
import { networksOnBridgeOf, serversByUuid } from '../indexes.ts'
import type { Stores } from '../stores.ts'
import type { Lookup } from './resolve.ts'

export type LookupStores = Pick<Stores, 'flavors' | 'images' | 'keyPairs' | 'networks' | 'ports' | 'servers'>

export const lookupIn = ({ flavors, images, keyPairs, networks, ports, servers }: LookupStores): Lookup => ({
  flavor: (key) => flavors.cache.get(key),
  image: (key) => images.cache.get(key),
  keyPair: (key) => keyPairs.cache.get(key),
  network: (key) => networks.cache.get(key),
  onBridgeOf: (network) => networksOnBridgeOf(network, { networks }),
  port: (key) => ports.cache.get(key),
  ofUuid: (uuid) => servers.cache.byIndex(serversByUuid, uuid),
})
