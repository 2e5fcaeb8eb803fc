/** Typed stores of all kinds: for each an informer cache that follows the API server, and the handle that writes it. */
import { serverAction } from '../actions/index.ts'
import {
  type Flavor,
  flavor,
  type HostAggregate,
  type Hypervisor,
  hostAggregate,
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
import type { Kube } from '../kube/client.ts'
import { createInformer, type Informer } from '../kube/informer.ts'
import type { Log } from '../kube/log.ts'
import type { Resource } from '../kube/resource.ts'
import { type KubeObject, keyOf } from '../kube/types.ts'
import type { Lookup } from './server/resolve.ts'
import { slimAction, slimServer } from './slim.ts'

/** One kind: `cache` follows the API server, `api` writes it. */
export interface Store<T extends KubeObject> {
  cache: Informer<T>['cache']
  api: Resource<T>
  informer: Informer<T>
}

export interface Stores {
  servers: Store<Server>
  actions: Store<ServerAction>
  flavors: Store<Flavor>
  images: Store<Image>
  networks: Store<Network>
  ports: Store<Port>
  keyPairs: Store<KeyPair>
  hypervisors: Store<Hypervisor>
  aggregates: Store<HostAggregate>
}

/** Index of servers by what they wait for or use, so that a change of that brings them back: `kind/namespace/name`. */
export const BY_REFERENCE = 'reference'
export const BY_HOST = 'host'
export const BY_SERVER = 'server'
export const BY_NETWORK = 'network'
const BY_BRIDGE = 'bridge'
const BY_UUID = 'uuid'

export const refKey = (kind: string, ref: { namespace?: string | undefined; name?: string | undefined }): string =>
  `${kind}/${keyOf(ref)}`

/** Everything that a server's spec names. */
export function referencesOf({ metadata: { namespace }, spec }: Server): string[] {
  const here = (kind: string, ref: { namespace?: string; name: string }): string =>
    refKey(kind, { namespace: ref.namespace ?? namespace, name: ref.name })
  return [
    refKey('Flavor', { name: spec.flavor }),
    ...(spec.image ? [here('Image', spec.image)] : []),
    ...(spec.keyName === undefined ? [] : [here('KeyPair', { name: spec.keyName })]),
    ...spec.networks.map(({ name, port, namespace: other }) =>
      port === undefined
        ? here('Network', { name: name ?? '', ...(other === undefined ? {} : { namespace: other }) })
        : here('Port', { name: port }),
    ),
  ]
}

/** Caches and handles of all kinds; not started yet. */
export function createStores(kube: Kube, log: Log): Stores {
  const store = <T extends KubeObject>(
    api: Resource<T>,
    indexes: Record<string, (o: T) => (string | undefined)[]> = {},
    transform?: (object: T) => T,
  ): Store<T> => {
    const informer = createInformer(api, { indexes, transform, log, metrics: kube.metrics, clock: kube.clock })
    return { cache: informer.cache, api, informer }
  }
  const serverOf = (name: string | undefined, namespace: string | undefined): (string | undefined)[] => [
    name === undefined ? undefined : keyOf({ namespace, name }),
  ]
  return {
    servers: store(
      kube.resource(resourceDefOf(server)),
      {
        [BY_REFERENCE]: referencesOf,
        [BY_HOST]: ({ status }) => [status?.host ?? ''],
        [BY_UUID]: ({ metadata, spec }) => [metadata.uid, spec.uuid],
      },
      slimServer,
    ),
    actions: store(
      kube.resource<ServerAction>(resourceDefOf(serverAction)),
      { [BY_SERVER]: ({ spec, metadata }) => serverOf(spec.server, metadata.namespace) },
      slimAction,
    ),
    flavors: store(kube.resource(resourceDefOf(flavor))),
    images: store(kube.resource(resourceDefOf(image))),
    networks: store(kube.resource(resourceDefOf(network)), { [BY_BRIDGE]: ({ spec }) => [spec.bridge] }),
    ports: store(kube.resource(resourceDefOf(port)), {
      [BY_SERVER]: ({ spec, metadata }) => serverOf(spec.server, metadata.namespace),
      [BY_NETWORK]: ({ spec, metadata }) => [
        keyOf({ namespace: spec.network.namespace ?? metadata.namespace, name: spec.network.name }),
      ],
    }),
    keyPairs: store(kube.resource(resourceDefOf(keyPair))),
    hypervisors: store(kube.resource(resourceDefOf(hypervisor))),
    aggregates: store(kube.resource(resourceDefOf(hostAggregate))),
  }
}

/** Starts all caches and waits until each has its first list. */
export async function startStores(stores: Stores, signal: AbortSignal): Promise<void> {
  const informers = Object.values(stores).map(({ informer }: { informer: Informer<never> }) => informer)
  for (const informer of informers) informer.start(signal)
  await Promise.all(informers.map((informer) => informer.synced(signal)))
}

/** The networks on the same bridge of the hosts, itself among them. */
export const onBridgeOf = ({ spec: { bridge } }: Network, { networks }: Pick<Stores, 'networks'>): Network[] =>
  bridge === undefined ? [] : networks.cache.byIndex(BY_BRIDGE, bridge)

/** How a server's references are followed: in the caches. */
export function lookupOf({ flavors, images, keyPairs, networks, ports, servers }: Stores): Lookup {
  return {
    flavor: (key) => flavors.cache.get(key),
    image: (key) => images.cache.get(key),
    keyPair: (key) => keyPairs.cache.get(key),
    network: (key) => networks.cache.get(key),
    onBridgeOf: (network) => onBridgeOf(network, { networks }),
    port: (key) => ports.cache.get(key),
    ofUuid: (uuid) => servers.cache.byIndex(BY_UUID, uuid),
  }
}
