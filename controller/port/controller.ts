/** The controller of Ports that users made: their addresses, and which Server uses them. */
import type { Network } from '../../crds/index.ts'
import { defineController } from '../../kube/controller.ts'
import { keyOf, keysOf } from '../../kube/types.ts'
import { watch, watchChannel } from '../../kube/watch.ts'
import { addressConflict, addressFreed } from '../channels.ts'
import { portKeysOf, portsByNetwork } from '../indexes.ts'
import { networkOf } from '../network/references.ts'
import { watchAddressRelease, watchOverlaps } from '../network/watch.ts'
import type { Services } from '../services.ts'
import { networks, ports, type Stores, servers } from '../stores.ts'
import { reconcilePort } from './reconcile.ts'

type PortStores = Pick<Stores, 'ports'>

const portsOn = ({ metadata }: Network, { ports: { cache } }: PortStores): string[] =>
  keysOf(cache.byIndex(portsByNetwork, keyOf(metadata)))

/** The Ports of users on a Network that have no address yet. */
const waitingForAddress = (network: string, { ports: { cache } }: PortStores): string[] =>
  keysOf(
    cache
      .byIndex(portsByNetwork, network)
      .filter(({ spec, status }) => spec.server === undefined && status?.fixedIPs === undefined),
  )

const freedAddress = 'A Port may wait for an address of that Network.'

export const portController = defineController({
  name: 'ports',
  for: ports,
  stores: { ports, networks, servers },
  concurrency: 4,
  watches: [
    watch(servers, { map: portKeysOf, priority: 'normal', because: 'A Port says which Server uses it.' }),
    watch(networks, { map: portsOn, priority: 'low', because: 'A Port waits for its Network to be usable.' }),
    watchOverlaps(portsOn, {
      priority: 'low',
      because: 'If subnets overlap on a bridge, only the oldest Network is usable: Ports of the others wait.',
    }),
    watchAddressRelease(waitingForAddress, {
      priority: 'normal',
      because: `A VM keeps its addresses until it is gone, even if its Ports were deleted earlier. ${freedAddress}`,
    }),
    watch(ports, {
      deleted: (port, stores: PortStores) => waitingForAddress(networkOf(port), stores),
      priority: 'normal',
      because: `A deleted Port frees its addresses. ${freedAddress}`,
    }),
    watchChannel(addressFreed, {
      map: waitingForAddress,
      priority: 'normal',
      because: `An address that was allocated, and whose Port was never seen, is free again. ${freedAddress}`,
    }),
    watchChannel(addressConflict, {
      map: (port) => [port],
      priority: 'normal',
      because: 'Of two Ports with one address, one keeps it; the other says so, or is given another.',
    }),
  ],
  reconcile: (key, { stores, attempt }, services: Pick<Services, 'allocations' | 'clock'>) =>
    reconcilePort(key, { ...services, stores }, attempt),
})
