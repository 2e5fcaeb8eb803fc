/** A store has the informer cache of one kind, and writes objects of that kind. */
import { serverAction } from '../actions/index.ts'
import {
  type Flavor,
  flavor,
  type HostAggregate,
  type HostSecret,
  type Hypervisor,
  hostAggregate,
  hostSecret,
  hypervisor,
  type Image,
  image,
  type KeyPair,
  keyPair,
  type Network,
  network,
  type Port,
  port,
  resourceDefOf,
  type Server,
  type ServerAction,
  server,
} from '../crds/index.ts'
import { defineStore, type Store } from '../kube/store.ts'
import { slimAction, slimHostSecret, slimServer } from './slim.ts'

export const servers = defineStore(resourceDefOf(server), { transform: slimServer })
export const actions = defineStore<ServerAction>(resourceDefOf(serverAction), { transform: slimAction })
export const flavors = defineStore(resourceDefOf(flavor))
export const images = defineStore(resourceDefOf(image))
export const networks = defineStore(resourceDefOf(network))
export const ports = defineStore(resourceDefOf(port))
export const keyPairs = defineStore(resourceDefOf(keyPair))
export const hypervisors = defineStore(resourceDefOf(hypervisor))
export const aggregates = defineStore(resourceDefOf(hostAggregate))
export const hostSecrets = defineStore(resourceDefOf(hostSecret), { transform: slimHostSecret })

export const storeDefs = {
  servers,
  actions,
  flavors,
  images,
  networks,
  ports,
  keyPairs,
  hypervisors,
  aggregates,
  hostSecrets,
} as const

/** All stores. A function takes only the stores that it needs: `Pick<Stores, 'servers' | 'ports'>`. */
export interface Stores {
  readonly servers: Store<Server>
  readonly actions: Store<ServerAction>
  readonly flavors: Store<Flavor>
  readonly images: Store<Image>
  readonly networks: Store<Network>
  readonly ports: Store<Port>
  readonly keyPairs: Store<KeyPair>
  readonly hypervisors: Store<Hypervisor>
  readonly aggregates: Store<HostAggregate>
  readonly hostSecrets: Store<HostSecret>
}
