import { defineController } from '../../kube/controller.ts'
import { watch } from '../../kube/watch.ts'
import type { Services } from '../services.ts'
import { hypervisors, servers } from '../stores.ts'
import { FIGURES_MS } from '../usage.ts'
import { reconcileHost } from './reconcile.ts'
import { watchHosts } from './watch.ts'

export const hostController = defineController({
  name: 'hosts',
  for: hypervisors,
  stores: { hypervisors, servers },
  concurrency: 2,
  watches: [
    ...watchHosts((host) => [host], { priority: 'high', because: 'A host that went up or down is reported at once.' }),
    watch(servers, {
      map: ({ status }) => (status?.host === undefined ? [] : [status.host]),
      priority: 'normal',
      after: FIGURES_MS,
      because: 'The usage of a host is the sum of its Servers.',
    }),
  ],
  reconcile: (
    key,
    { stores },
    services: Pick<Services, 'hosts' | 'ledger' | 'clock' | 'options' | 'hostStatusWrites'>,
  ) => reconcileHost(key, { ...services, stores }),
})
