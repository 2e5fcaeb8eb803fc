import { defineController } from '../../kube/controller.ts'
import { keyOf } from '../../kube/types.ts'
import { watch } from '../../kube/watch.ts'
import type { Services } from '../services.ts'
import { actions, hypervisors, images, servers } from '../stores.ts'
import { isFinished } from './phase.ts'
import { reconcileAction } from './reconcile.ts'

export const actionController = defineController({
  name: 'actions',
  for: actions,
  own: { when: (action) => !isFinished(action), priority: 'high' },
  stores: { actions, servers, hypervisors, images },
  concurrency: 4,
  watches: [
    watch(servers, {
      updated(old, { metadata: { namespace }, status }) {
        const name = status?.activeAction?.name
        return old.status?.host === status?.host || name === undefined ? [] : [keyOf({ namespace, name })]
      },
      priority: 'high',
      because: 'A running ServerAction names the host of its Server, whose agent runs it.',
    }),
  ],
  reconcile: (key, { stores }, { clock, secrets }: Pick<Services, 'clock' | 'secrets'>) =>
    reconcileAction(key, { stores, secrets, now: () => clock.wall().toISOString() }),
})
