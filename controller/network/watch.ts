/** Changes of Networks and addresses that more than one controller is woken by. */
import type { Network, Server } from '../../crds/index.ts'
import { type WakeOptions, type Watch, watch } from '../../kube/watch.ts'
import { networksOnBridgeOf } from '../indexes.ts'
import { networks, type Stores, servers } from '../stores.ts'
import { findOverlappingSubnet } from './network-problems.ts'
import { addressesInUseBy } from './references.ts'

type NetworkStores = Pick<Stores, 'networks'>
type Keys = Iterable<string>

/**
 * Wakes the keys that each other Network concerns whose subnets overlap with those of a Network that comes, goes, or gets another subnet.
 * The initial list is left out: it enqueues every Network already.
 */
export function watchOverlaps<S>(
  keysOf: (other: Network, stores: S) => Keys,
  options: WakeOptions,
): Watch<S & NetworkStores> {
  const overlapped = (network: Network, stores: S & NetworkStores): string[] =>
    networksOnBridgeOf(network, stores)
      .filter(
        (other) => other.metadata.uid !== network.metadata.uid && findOverlappingSubnet(other, network) !== undefined,
      )
      .flatMap((other) => [...keysOf(other, stores)])
  return watch(networks, {
    ...options,
    map: overlapped,
    updated: (old, now, stores) => (old.spec.subnets.length === now.spec.subnets.length ? [] : overlapped(now, stores)),
    skipInitialList: true,
  })
}

/** Wakes the keys that each Network concerns whose addresses a VM has used to its end. */
export function watchAddressRelease<S>(keysOf: (network: string, stores: S) => Keys, options: WakeOptions): Watch<S> {
  const released = (server: Server, stores: S): string[] =>
    addressesInUseBy(server).flatMap(({ network }) => [...keysOf(network, stores)])
  return watch(servers, {
    ...options,
    updated: (old, now, stores: S) => (old.status?.instance && !now.status?.instance ? released(old, stores) : []),
    deleted: released,
  })
}
