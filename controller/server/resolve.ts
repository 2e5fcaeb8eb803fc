/**
 * Resolves the names in a server's spec to objects. Throws an error with a message for the user about the first object
 * that is missing or may not be used.
 */
import {
  type Flavor,
  type Image,
  type KeyPair,
  type Network,
  type Port,
  Refused,
  type Server,
} from '../../crds/index.ts'
import { fingerprintOf } from '../../crds/keypair-fingerprint.ts'
import { keyOf } from '../../kube/types.ts'
import { findBootProblems } from '../boot-problems.ts'
import { type IP, parseIP } from '../network/ip.ts'
import { findDhcpProblems, findNetworkProblems } from '../network/network-problems.ts'
import { isInPool, poolsOf } from '../network/pool.ts'

export interface Lookup {
  flavor(key: string): Flavor | undefined
  image(key: string): Image | undefined
  keyPair(key: string): KeyPair | undefined
  network(key: string): Network | undefined
  /** The networks on the same bridge as this network, including itself. */
  networksOnBridgeOf(network: Network): readonly Network[]
  /**
   * Describes the Port, guest or reservation that has this address on the network; undefined if the address is free.
   */
  describeAddressUser(network: Network, ip: IP): string | undefined
  port(key: string): Port | undefined
  /** The Servers whose metadata.uid or spec.uuid is this UUID. */
  serversByUuid(uuid: string): readonly Server[]
}

export type NetworkEntry = Server['spec']['networks'][number]

export interface Nic {
  entry: NetworkEntry
  network: Network
  /** The Port that the user named; undefined if the controller has to create a Port. */
  port?: Port
}

export interface Resolved {
  flavor: Flavor
  image: Image
  keyPair?: KeyPair
  nics: Nic[]
}

/**
 * @throws Refused error with a code such as FlavorNotFound. The server then waits until the object exists or may be
 * used
 */
export function resolveReferences(server: Server, lookup: Lookup): Resolved {
  const namespace = server.metadata.namespace ?? ''
  const { spec } = server
  rejectUsedUuid(server, lookup)
  const flavor = requireFound('Flavor', spec.flavor, lookup.flavor(spec.flavor))
  const image = requireFound('Image', spec.image?.name ?? '', resolveImage(server, lookup))
  const [problem] = findBootProblems({ flavor, image, namespace })
  if (problem) throw problem
  const keyPair =
    spec.keyName === undefined
      ? undefined
      : requireFound('KeyPair', spec.keyName, lookup.keyPair(keyOf({ namespace, name: spec.keyName })))
  if (keyPair) rejectUnreadableKey(keyPair)
  const nics = spec.networks.map((entry) => resolveNic(entry, namespace, lookup))
  return { flavor, image, nics, ...(keyPair ? { keyPair } : {}) }
}

function requireFound<T>(
  kind: 'Flavor' | 'Image' | 'KeyPair' | 'Network' | 'Port',
  name: string,
  object: T | undefined,
): T {
  if (object === undefined)
    throw new Refused(`${kind}NotFound`, `${kind} ${name} does not exist; the server waits for it`)
  return object
}

/** Throws if the public key cannot be parsed: no user could log in with it. */
function rejectUnreadableKey({ metadata, spec }: KeyPair): void {
  try {
    fingerprintOf(spec)
  } catch (cause) {
    throw new Refused('InvalidKeyPair', `KeyPair ${metadata.name} cannot be read: make another one, and name that`, {
      cause,
    })
  }
}

/**
 * Throws if another server has the same UUID. The UUID identifies a domain, so this server would take over the other
 * server's guest.
 */
function rejectUsedUuid({ metadata, spec }: Server, { serversByUuid }: Lookup): void {
  if (spec.uuid === undefined) return
  const ageKey = (s: Server): string => `${s.metadata.creationTimestamp ?? ''} ${s.metadata.uid}`
  const owner = serversByUuid(spec.uuid).find(
    (s) =>
      s.metadata.uid !== metadata.uid &&
      (s.metadata.uid === spec.uuid ||
        s.status?.host !== undefined ||
        ageKey(s) < ageKey({ metadata, spec } as Server)),
  )
  if (owner)
    throw new Refused(
      'UUIDInUse',
      `another Server has uuid ${spec.uuid}: leave spec.uuid out, or delete that one first`,
    )
}

/** Throws if the network or port is being deleted. */
function rejectTerminating({ kind, metadata }: Network | Port): void {
  if (metadata.deletionTimestamp === undefined) return
  throw new Refused('ReferenceTerminating', `${kind} ${keyOf(metadata)} is being deleted: name another one`)
}

function resolveImage({ metadata: { namespace }, spec }: Server, lookup: Lookup): Image | undefined {
  if (!spec.image) return undefined
  return lookup.image(keyOf({ namespace: spec.image.namespace ?? namespace, name: spec.image.name }))
}

function resolveNic(entry: NetworkEntry, namespace: string, lookup: Lookup): Nic {
  if (entry.port === undefined) {
    const network = resolveNetwork(
      { name: entry.name ?? '', namespace: entry.namespace ?? namespace },
      namespace,
      lookup,
    )
    if (network.metadata.namespace !== namespace) validateSharedNetworkRequest(network, entry)
    return { entry, network }
  }
  const port = requireFound('Port', entry.port, lookup.port(keyOf({ namespace, name: entry.port })))
  rejectTerminating(port)
  if (port.spec.server !== undefined) {
    const message = `Port ${entry.port} was made for Server ${port.spec.server} and goes with it: make a Port, or name the network`
    throw new Refused('PortInUse', message)
  }
  const { name, namespace: other = namespace } = port.spec.network
  return { entry, port, network: resolveNetwork({ name, namespace: other }, namespace, lookup) }
}

/**
 * As in Neutron, only servers and ports in the namespace of a shared network may choose a MAC, or an address outside
 * the pools. Otherwise a guest of another namespace could take the router's MAC or address, and receive the router's
 * traffic.
 * @throws Refused error (the user must change the spec) with the code NetworkNotAllowed
 */
export function validateSharedNetworkRequest(
  network: Network,
  request: { macAddress?: string; fixedIP?: string; fixedIPs?: string[] },
): void {
  const name = keyOf(network.metadata)
  if (request.macAddress !== undefined)
    throw new Refused(
      'NetworkNotAllowed',
      `Network ${name}: only its own namespace may choose a macAddress: leave that out`,
    )
  const pools = poolsOf(network.spec.subnets)
  for (const address of [request.fixedIP ?? [], request.fixedIPs ?? []].flat()) {
    const ip = parseIP(address)
    if (ip && !pools.some((pool) => isInPool(pool, ip)))
      throw new Refused(
        'NetworkNotAllowed',
        `Network ${name}: ${address} is in none of its pools, and only its own namespace may choose such an address`,
      )
  }
}

/**
 * Checks that servers and ports of this namespace may use the network.
 * @throws Refused error with the code ReferenceTerminating or NetworkNotAllowed, or with the code of a problem in the
 * network's own spec
 */
export function rejectUnusableNetwork(
  namespace: string | undefined,
  network: Network,
  { networksOnBridgeOf, describeAddressUser }: Pick<Lookup, 'networksOnBridgeOf' | 'describeAddressUser'>,
): void {
  rejectTerminating(network)
  const name = keyOf(network.metadata)
  if (network.metadata.namespace !== namespace && !network.spec.shared)
    throw new Refused('NetworkNotAllowed', `Network ${name} is not shared; its owner can set shared: true`)
  const [problem] = [
    ...findNetworkProblems(network, networksOnBridgeOf(network)),
    ...findDhcpProblems(network, (ip) => describeAddressUser(network, ip)),
  ]
  if (problem) throw new Refused(problem.reason, `Network ${name}: ${problem.message}`)
}

function resolveNetwork(ref: { name: string; namespace: string }, namespace: string, lookup: Lookup): Network {
  const network = requireFound('Network', keyOf(ref), lookup.network(keyOf(ref)))
  rejectUnusableNetwork(namespace, network, lookup)
  return network
}
