import { serverAction } from '../../actions/index.ts'
import {
  flavor,
  hostAggregate,
  hypervisor,
  type Image,
  image,
  keyPair,
  type Network,
  network,
  port,
  resourceDefOf,
  type Server,
  type ServerAction,
  server,
} from '../../crds/index.ts'
import { clusterRoleBindings, configMaps, namespaces, roleBindings } from '../../kube/builtin-kinds.ts'
import { defineIndex } from '../../kube/cache.ts'
import { defineStore, type StoreDef } from '../../kube/store.ts'
import { type KubeObject, keyOf } from '../../kube/types.ts'
import { flavorIdOf } from './flavor-facts.ts'

export const servers = defineStore(resourceDefOf(server))
export const actions = defineStore<ServerAction>(resourceDefOf(serverAction))
export const flavors = defineStore(resourceDefOf(flavor))
export const images = defineStore(resourceDefOf(image))
export const networks = defineStore(resourceDefOf(network))
export const ports = defineStore(resourceDefOf(port))
export const keyPairs = defineStore(resourceDefOf(keyPair))
export const hypervisors = defineStore(resourceDefOf(hypervisor))
const namespaceStore = defineStore(namespaces)
export const aggregates = defineStore(resourceDefOf(hostAggregate))

export const QUOTA_CONFIG_MAP = 'kubenova-quota'
export const quotaConfigMaps = defineStore(configMaps, { fieldSelector: `metadata.name=${QUOTA_CONFIG_MAP}` })

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
  quotaConfigMaps,
  namespaces: namespaceStore,
  roleBindings: defineStore(roleBindings),
  clusterRoleBindings: defineStore(clusterRoleBindings),
} as const

/** The kinds of Kubenova among the stores. */
export const kubenovaPlurals: readonly string[] = Object.values(storeDefs)
  .filter(({ kind }) => kind.group === servers.kind.group)
  .map(({ kind }) => kind.plural)

export const neverShared = (): boolean => false

type SharingRule = (object: never) => boolean
const sharingRules = new Map<unknown, SharingRule>([
  [images, ({ spec }: Image) => spec.visibility === 'public'],
  [networks, ({ spec }: Network) => spec.shared],
])

export const sharingRuleOf = <T extends KubeObject>(def: StoreDef<T>): ((object: T) => boolean) =>
  (sharingRules.get(def) ?? neverShared) as (object: T) => boolean

/** The UUID of a server in Nova. */
export const uuidOf = ({ metadata, spec }: Server): string => spec.uuid ?? metadata.uid ?? ''

export const serversByUuid = defineIndex(servers.kind, 'by UUID', (server) => [uuidOf(server)])
export const serversByHost = defineIndex(servers.kind, 'by host', ({ status }) => [status?.host])
export const actionsByServer = defineIndex(actions.kind, 'by Server', ({ metadata: { namespace }, spec }) => [
  keyOf({ namespace, name: spec.server }),
])
export const flavorsById = defineIndex(flavors.kind, 'by ID', (flavor) => [flavorIdOf(flavor)])
/** The ID of an image in Glance. */
export const imageIdOf = ({ metadata, spec }: Image): string => spec.uuid ?? metadata.uid ?? ''

export const imagesById = defineIndex(images.kind, 'by ID', (image) => [imageIdOf(image)])
export const networksById = defineIndex(networks.kind, 'by ID', ({ metadata }) => [metadata.uid])
export const portsById = defineIndex(ports.kind, 'by ID', ({ metadata }) => [metadata.uid])
export const hypervisorsById = defineIndex(hypervisors.kind, 'by ID', ({ metadata }) => [metadata.uid])

export const namespacesByUid = defineIndex(namespaces, 'by uid', ({ metadata }) => [metadata.uid])
