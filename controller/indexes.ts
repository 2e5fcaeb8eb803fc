import type { Network, Server, ServerAction } from '../crds/index.ts'
import { defineIndex } from '../kube/cache.ts'
import { keyOf } from '../kube/types.ts'
import { isDeletionRecord } from './cleanup/retention.ts'
import { networkKeyOf } from './network/references.ts'
import { actions, networks, ports, type Stores, servers } from './stores.ts'

const UNSCHEDULED = ''
export const serversByHost = defineIndex(servers.kind, 'by host', ({ status }) => [status?.host ?? UNSCHEDULED])

/** Servers without a host. */
export const unscheduledServers = ({ servers: { cache } }: Pick<Stores, 'servers'>): Server[] =>
  cache.byIndex(serversByHost, UNSCHEDULED)

/** The UUID identifies the domain in libvirt, so two Servers must not have the same one. */
export const serversByUuid = defineIndex(servers.kind, 'by UUID', ({ metadata, spec }) => [metadata.uid, spec.uuid])

export const serversByFlavor = defineIndex(servers.kind, 'by Flavor', ({ spec }) => [spec.flavor])
export const serversByImage = defineIndex(servers.kind, 'by Image', ({ metadata: { namespace }, spec: { image } }) => [
  image && keyOf({ namespace: image.namespace ?? namespace, name: image.name }),
])
export const serversByKeyPair = defineIndex(
  servers.kind,
  'by KeyPair',
  ({ metadata: { namespace }, spec: { keyName: name } }) => [name && keyOf({ namespace, name })],
)

/** Servers that name the Network directly. The index serversByPort has the Servers that name a Port instead. */
export const serversByNetwork = defineIndex(servers.kind, 'by Network', ({ metadata, spec }) =>
  spec.networks.map(({ name, port, namespace = metadata.namespace }) =>
    port === undefined ? keyOf({ namespace, name }) : undefined,
  ),
)
export const serversByPort = defineIndex(servers.kind, 'by Port', (server) => portKeysOf(server))

export const portKeysOf = ({ metadata: { namespace }, spec: { networks } }: Server): string[] =>
  networks.flatMap(({ port: name }) => (name === undefined ? [] : [keyOf({ namespace, name })]))

export const portsByServer = defineIndex(ports.kind, 'by Server', ({ metadata: { namespace }, spec }) => [
  spec.server && keyOf({ namespace, name: spec.server }),
])
export const portsByNetwork = defineIndex(ports.kind, 'by Network', (port) => [networkKeyOf(port)])

export const serverKeyOf = ({ metadata: { namespace }, spec }: ServerAction): string =>
  keyOf({ namespace, name: spec.server })
export const actionsByServer = defineIndex(actions.kind, 'by Server', (action) => [serverKeyOf(action)])

/** The records of deletions, by the namespace of their Servers. */
export const deletionsByNamespace = defineIndex(actions.kind, 'deletions by namespace', (action) => [
  isDeletionRecord(action) ? action.metadata.namespace : undefined,
])

const networksByBridge = defineIndex(networks.kind, 'by bridge', ({ spec }) => [spec.bridge])

/** The networks on the same bridge as this network, including itself; none if it has no bridge. */
export const networksOnBridgeOf = ({ spec }: Network, stores: Pick<Stores, 'networks'>): Network[] =>
  spec.bridge === undefined ? [] : stores.networks.cache.byIndex(networksByBridge, spec.bridge)

/** A test checks that none of these indexes throws on a Server that the API server accepts. */
export const serverIndexes = [
  serversByHost,
  serversByUuid,
  serversByFlavor,
  serversByImage,
  serversByKeyPair,
  serversByNetwork,
  serversByPort,
]
