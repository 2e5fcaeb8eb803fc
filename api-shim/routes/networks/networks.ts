/** Neutron's API v2.0 for reading: networks, subnets and ports. */
import type { Network, Port } from '../../../crds/index.ts'
import { keyOf } from '../../../kube/types.ts'
import { notFound } from '../../http/fault.ts'
import { networks, ports, servers } from '../../state/stores.ts'
import { type NetworkViewContext, renderNetwork, renderPort, renderSubnet } from '../../views/networks.ts'
import { defineRouteOf, type Route, type RouteRequest } from '../route.ts'

const defineNetworkRoute = defineRouteOf('network')
type Request = RouteRequest<never>

export function networkViewOf({ state }: Pick<Request, 'state'>): NetworkViewContext {
  const { shared } = state
  return {
    projectIdOf: (namespace = '') => shared.projectOf(namespace).id,
    networkOf: ({ metadata, spec: { network } }) =>
      shared
        .storeOf(networks)
        .cache.get(keyOf({ namespace: network.namespace ?? metadata.namespace, name: network.name })),
    serverOf: ({ metadata, spec, status }) =>
      shared.storeOf(servers).cache.get(keyOf({ namespace: metadata.namespace, name: status?.server ?? spec.server })),
  }
}

/** A collection of Neutron's API: how its objects are found and shown. */
interface Collection {
  plural: string
  singular: string
  /** Neutron's word in the message for an object that does not exist. */
  word: string
  list(request: Request): Promise<object[]>
}

const listNetworks = async ({ state }: Request): Promise<Network[]> => (await state.read(networks)).list()
const listPorts = async ({ state }: Request): Promise<Port[]> => (await state.read(ports)).list()

const collections: readonly Collection[] = [
  {
    plural: 'networks',
    singular: 'network',
    word: 'Network',
    async list(request) {
      const view = networkViewOf(request)
      return (await listNetworks(request)).map((network) => renderNetwork(network, view))
    },
  },
  {
    plural: 'subnets',
    singular: 'subnet',
    word: 'Subnet',
    async list(request) {
      const view = networkViewOf(request)
      const all = await listNetworks(request)
      return all.flatMap((network) => network.spec.subnets.map((subnet) => renderSubnet(network, subnet, view)))
    },
  },
  {
    plural: 'ports',
    singular: 'port',
    word: 'Port',
    async list(request) {
      const view = networkViewOf(request)
      return (await listPorts(request)).map((port) => renderPort(port, view))
    },
  },
]

const notFilters = new Set(['fields', 'limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir'])

/** Every other parameter is a property that the object must have; a repeated one means one of several values. */
const matches = (item: object, { query }: Request): boolean =>
  Object.entries(query).every(
    ([name, values]) =>
      notFilters.has(name) || !(name in item) || values.some((value) => isSame(Reflect.get(item, name), value)),
  )

const isSame = (actual: unknown, wanted: string): boolean =>
  String(actual) === wanted || (typeof actual === 'boolean' && String(actual) === wanted.toLowerCase())

/** The properties that `fields` asks for; without it, all. */
function selectFields(item: object, { query }: Request): object {
  const fields = query['fields']
  return fields ? Object.fromEntries(Object.entries(item).filter(([name]) => fields.includes(name))) : item
}

function routesOf({ plural, singular, word, list }: Collection): Route[] {
  return [
    defineNetworkRoute<never>({
      name: `${plural}:list`,
      method: 'GET',
      path: `/${plural}`,
      success: 200,
      policy: { rule: `get_${singular}`, role: 'reader' },
      async handle(request) {
        const items = (await list(request)).filter((item) => matches(item, request))
        return { body: { [plural]: items.map((item) => selectFields(item, request)) } }
      },
    }),
    defineNetworkRoute<never>({
      name: `${plural}:show`,
      method: 'GET',
      path: `/${plural}/{id}`,
      success: 200,
      policy: { rule: `get_${singular}`, role: 'reader' },
      async handle(request) {
        const id = request.params['id'] ?? ''
        const item = (await list(request)).find((candidate) => Reflect.get(candidate, 'id') === id)
        if (!item) throw notFound(`${word} ${id} could not be found.`)
        return { body: { [singular]: selectFields(item, request) } }
      },
    }),
  ]
}

const extensionsList = defineNetworkRoute<never>({
  name: 'extensions:list',
  method: 'GET',
  path: '/extensions',
  success: 200,
  policy: { rule: 'get_extension', role: 'any' },
  handle: async () => ({ body: { extensions: [] } }),
})

export const networkRoutes: readonly Route[] = [...collections.flatMap(routesOf), extensionsList]
