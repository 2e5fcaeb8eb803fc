import type { Network, Server } from '../../crds/index.ts'
import { type WakeOptions, type Watch, watch } from '../../kube/watch.ts'
import { networksOnBridgeOf } from '../indexes.ts'
import { networks, type Stores, servers } from '../stores.ts'
import { findOverlappingSubnet } from './network-problems.ts'
import { addressesInUseBy } from './references.ts'

type NetworkStores = Pick<Stores, 'networks'>
type Keys = Iterable<string>

/**
 * When a Network is created or deleted, or the number of its subnets changes, enqueues the keys that `keysOf` returns
 * for each other Network on the same bridge with an overlapping subnet. Skips the initial list, because every Network
 * is enqueued then anyway.
 */
export function watchOverlaps<S>(
  keysOf: (other: Network, stores: S) => Keys,
  options: WakeOptions,
): Watch<S & NetworkStores> {
  const keysOfOverlapping = (network: Network, stores: S & NetworkStores): string[] =>
    networksOnBridgeOf(network, stores)
      .filter(
        (other) => other.metadata.uid !== network.metadata.uid && findOverlappingSubnet(other, network) !== undefined,
      )
      .flatMap((other) => [...keysOf(other, stores)])
  return watch(networks, {
    ...options,
    map: keysOfOverlapping,
    updated: (old, now, stores) =>
      old.spec.subnets.length === now.spec.subnets.length ? [] : keysOfOverlapping(now, stores),
    skipInitialList: true,
  })
}

/**
 * When a server leaves its host or is gone, enqueues the keys that `keysOf` returns for each Network whose addresses
 * its guest used.
 */
export function watchAddressRelease<S>(keysOf: (network: string, stores: S) => Keys, options: WakeOptions): Watch<S> {
  const keysOfReleased = (server: Server, stores: S): string[] =>
    addressesInUseBy(server).flatMap(({ network }) => [...keysOf(network, stores)])
  return watch(servers, {
    ...options,
    updated: (old, now, stores: S) =>
      old.status?.instance && !now.status?.instance ? keysOfReleased(old, stores) : [],
    deleted: keysOfReleased,
  })
}
