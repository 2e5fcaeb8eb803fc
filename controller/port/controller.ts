import type { Network } from '../../crds/index.ts'
import { defineController } from '../../kube/controller.ts'
import { keyOf, keysOf } from '../../kube/types.ts'
import { watch, watchChannel } from '../../kube/watch.ts'
import { addressConflict, addressFreed } from '../channels.ts'
import { portKeysOf, portsByNetwork } from '../indexes.ts'
import { networkKeyOf } from '../network/references.ts'
import { watchAddressRelease, watchOverlaps } from '../network/watch.ts'
import type { Services } from '../services.ts'
import { networks, ports, type Stores, servers } from '../stores.ts'
import { reconcilePort } from './reconcile.ts'

type PortStores = Pick<Stores, 'ports'>

const portKeysOn = ({ metadata }: Network, { ports: { cache } }: PortStores): string[] =>
  keysOf(cache.byIndex(portsByNetwork, keyOf(metadata)))

const portsWaitingForAddress = (network: string, { ports: { cache } }: PortStores): string[] =>
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
    watch(servers, {
      map: portKeysOf,
      priority: 'normal',
      because: 'The status of a Port names the Server that uses it.',
    }),
    watch(networks, { map: portKeysOn, priority: 'low', because: 'A Port waits for its Network to be usable.' }),
    watchOverlaps(portKeysOn, {
      priority: 'low',
      because: 'If subnets overlap on a bridge, only the oldest Network is usable: Ports of the others wait.',
    }),
    watchAddressRelease(portsWaitingForAddress, {
      priority: 'normal',
      because: `A VM keeps its addresses until it is gone, even if its Ports were deleted earlier. ${freedAddress}`,
    }),
    watch(ports, {
      deleted: (port, stores: PortStores) => portsWaitingForAddress(networkKeyOf(port), stores),
      priority: 'normal',
      because: `A deleted Port frees its addresses. ${freedAddress}`,
    }),
    watchChannel(addressFreed, {
      map: portsWaitingForAddress,
      priority: 'normal',
      because: `An address that was allocated, and whose Port was never seen, is free again. ${freedAddress}`,
    }),
    watchChannel(addressConflict, {
      map: (port) => [port],
      priority: 'normal',
      because: 'If two Ports have one address, one keeps it. The other gets another address, or reports the conflict.',
    }),
  ],
  reconcile: (key, { stores, attempt }, services: Pick<Services, 'allocations' | 'clock'>) =>
    reconcilePort(key, { ...services, stores }, attempt),
})
