/** Follows what a server's spec names to the objects themselves; what is missing is said in a sentence. Pure. */
import {
  type Flavor,
  type Image,
  type KeyPair,
  type Network,
  type Port,
  Refused,
  type Server,
} from '../../crds/index.ts'
import { keyOf } from '../../kube/types.ts'
import { findBootProblems } from '../boot-problems.ts'
import { fingerprintOf } from '../keypair-fingerprint.ts'
import { parseIP } from '../network/ip.ts'
import { findNetworkProblems } from '../network/network-problems.ts'
import { isInPool, poolOf } from '../network/pool.ts'

/** How the objects are found; the controller's caches in production. */
export interface Lookup {
  flavor(key: string): Flavor | undefined
  image(key: string): Image | undefined
  keyPair(key: string): KeyPair | undefined
  network(key: string): Network | undefined
  /** The networks on the same bridge of the hosts. */
  onBridgeOf(network: Network): readonly Network[]
  port(key: string): Port | undefined
  /** Servers that have this as their uid, or wish it as their uuid. */
  ofUuid(uuid: string): readonly Server[]
}

export type NetworkEntry = Server['spec']['networks'][number]

/** An interface to be: on a network, with a port that exists already, or with one still to be made. */
export interface Nic {
  entry: NetworkEntry
  network: Network
  port?: Port
}

export interface Resolved {
  flavor: Flavor
  image: Image
  keyPair?: KeyPair
  nics: Nic[]
}

/** @throws Refused with a code such as FlavorNotFound: the server waits until the object is there or may be used */
export function resolve(server: Server, lookup: Lookup): Resolved {
  const namespace = server.metadata.namespace ?? ''
  const { spec } = server
  checkUuid(server, lookup)
  const flavor = found('Flavor', spec.flavor, lookup.flavor(spec.flavor))
  const image = found('Image', spec.image?.name ?? '', resolveImage(server, lookup))
  const [problem] = findBootProblems({ flavor, image, namespace })
  if (problem) throw problem
  const keyPair =
    spec.keyName === undefined
      ? undefined
      : found('KeyPair', spec.keyName, lookup.keyPair(keyOf({ namespace, name: spec.keyName })))
  if (keyPair) checkKey(keyPair)
  const nics = spec.networks.map((entry) => resolveNic(entry, namespace, lookup))
  return { flavor, image, nics, ...(keyPair ? { keyPair } : {}) }
}

function found<T>(kind: 'Flavor' | 'Image' | 'KeyPair' | 'Network' | 'Port', name: string, object: T | undefined): T {
  if (object === undefined)
    throw new Refused(`${kind}NotFound`, `${kind} ${name} does not exist; the server waits for it`)
  return object
}

/** A key that cannot be read is one that nobody can log in with. */
function checkKey({ metadata, spec }: KeyPair): void {
  try {
    fingerprintOf(spec)
  } catch (cause) {
    throw new Refused('KeyInvalid', `KeyPair ${metadata.name} cannot be read: make another one, and name that`, {
      cause,
    })
  }
}

/** A domain is found by its uuid: who had that of another server would have its guest. */
function checkUuid({ metadata, spec }: Server, { ofUuid }: Lookup): void {
  if (spec.uuid === undefined) return
  const age = (s: Server): string => `${s.metadata.creationTimestamp ?? ''} ${s.metadata.uid}`
  const before = ofUuid(spec.uuid).find(
    (s) =>
      s.metadata.uid !== metadata.uid &&
      (s.metadata.uid === spec.uuid || s.status?.host !== undefined || age(s) < age({ metadata, spec } as Server)),
  )
  if (before)
    throw new Refused(
      'UUIDInUse',
      `another Server has uuid ${spec.uuid}: leave spec.uuid out, or delete that one first`,
    )
}

/** Neither a network nor a port that is about to go is given to a server. */
function there<T extends Network | Port>(object: T): T {
  const { kind, metadata } = object
  if (metadata.deletionTimestamp === undefined) return object
  throw new Refused('BeingDeleted', `${kind} ${keyOf(metadata)} is being deleted: name another one`)
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
    if (network.metadata.namespace !== namespace) checkGuestOf(network, entry)
    return { entry, network }
  }
  const port = there(found('Port', entry.port, lookup.port(keyOf({ namespace, name: entry.port }))))
  if (port.spec.server !== undefined) {
    const message = `Port ${entry.port} was made for Server ${port.spec.server} and goes with it: make a Port, or name the network`
    throw new Refused('PortInUse', message)
  }
  const { name, namespace: other = namespace } = port.spec.network
  return { entry, port, network: resolveNetwork({ name, namespace: other }, namespace, lookup) }
}

/**
 * As in Neutron, a MAC is the owner's of the network to choose; and so is an address outside of its pools, which may be a router's or a
 * resolver's. Who has the router's MAC gets what is meant for the router.
 * @throws Refused NetworkNotAllowed
 */
export function checkGuestOf(
  network: Network,
  wished: { macAddress?: string; fixedIP?: string; fixedIPs?: string[] },
): void {
  const name = keyOf(network.metadata)
  if (wished.macAddress !== undefined)
    throw new Refused(
      'NetworkNotAllowed',
      `Network ${name}: only its own namespace may choose a macAddress: leave that out`,
    )
  const pools = network.spec.subnets.map(poolOf)
  for (const address of [wished.fixedIP ?? [], wished.fixedIPs ?? []].flat()) {
    const ip = parseIP(address)
    if (ip && !pools.some((pool) => isInPool(pool, ip)))
      throw new Refused(
        'NetworkNotAllowed',
        `Network ${name}: ${address} is in none of its pools, and only its own namespace may choose such`,
      )
  }
}

/**
 * The network, which servers and ports of this namespace may use.
 * @throws Refused BeingDeleted, NetworkNotAllowed, or what is wrong with it
 */
export function usableFrom(
  namespace: string | undefined,
  network: Network,
  { onBridgeOf }: Pick<Lookup, 'onBridgeOf'>,
): Network {
  there(network)
  const name = keyOf(network.metadata)
  if (network.metadata.namespace !== namespace && !network.spec.shared)
    throw new Refused('NetworkNotAllowed', `Network ${name} is not shared; its owner can set shared: true`)
  const [problem] = findNetworkProblems(network, onBridgeOf(network))
  if (problem) throw new Refused(problem.reason, `Network ${name}: ${problem.message}`)
  return network
}

function resolveNetwork(ref: { name: string; namespace: string }, namespace: string, lookup: Lookup): Network {
  return usableFrom(namespace, found('Network', keyOf(ref), lookup.network(keyOf(ref))), lookup)
}
