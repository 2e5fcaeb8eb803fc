import type { Port } from '../../crds/index.ts'
import { defineController } from '../../kube/controller.ts'
import { keyOf } from '../../kube/types.ts'
import { watch } from '../../kube/watch.ts'
import type { Services } from '../services.ts'
import { networks, ports, type Stores } from '../stores.ts'
import { reconcileNetwork } from './reconcile.ts'
import { networkKeyOf } from './references.ts'
import { watchOverlaps } from './watch.ts'

function terminatingNetworkOf(port: Port, { networks: { cache } }: Pick<Stores, 'networks'>): string[] {
  const network = cache.get(networkKeyOf(port))
  return network?.metadata.deletionTimestamp ? [keyOf(network.metadata)] : []
}

export const networkController = defineController({
  name: 'networks',
  for: networks,
  stores: { networks, ports },
  watches: [
    watchOverlaps(({ metadata }) => [keyOf(metadata)], {
      priority: 'normal',
      because:
        'If subnets overlap on a bridge, only the oldest Network is usable: the others are checked again whenever one changes or goes.',
    }),
    watch(ports, {
      deleted: terminatingNetworkOf,
      priority: 'normal',
      because: 'A Network that is to be deleted waits for its last Port.',
    }),
  ],
  reconcile: (key, { stores }, { allocations, clock }: Pick<Services, 'allocations' | 'clock'>) =>
    reconcileNetwork(key, { stores, allocations, now: () => clock.wall().toISOString() }),
})
