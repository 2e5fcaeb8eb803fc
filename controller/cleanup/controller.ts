import type { Port } from '../../crds/index.ts'
import { defineController } from '../../kube/controller.ts'
import { keyOf } from '../../kube/types.ts'
import { watch, watchTimer } from '../../kube/watch.ts'
import { serverKeyOf } from '../indexes.ts'
import type { Services } from '../services.ts'
import { actions, hostSecrets, ports, type Stores, servers } from '../stores.ts'
import { FIGURES_MS } from '../usage.ts'
import { isOrphanedPort } from './orphans.ts'
import { reconcileCleanup } from './reconcile.ts'

/**
 * The key of the Server that an orphaned Port names in spec.server. Empty if, according to the caches, this Server owns
 * or uses the Port.
 */
function formerServerOf(port: Port, { servers: { cache } }: Pick<Stores, 'servers'>): string[] {
  const { metadata, spec } = port
  if (spec.server === undefined) return []
  const key = keyOf({ namespace: metadata.namespace, name: spec.server })
  return isOrphanedPort(port, cache.get(key)) ? [key] : []
}

const HOUR_MS = 3_600_000

export const cleanupController = defineController({
  name: 'serverCleanup',
  for: servers,
  own: false,
  stores: { servers, actions, ports, hostSecrets },
  concurrency: 2,
  watches: [
    watch(actions, {
      map: (action) => [serverKeyOf(action)],
      after: FIGURES_MS,
      because: 'Only a limited number of finished ServerActions is kept for each Server.',
    }),
    watch(ports, {
      map: formerServerOf,
      after: FIGURES_MS,
      because: 'A Port whose Server is gone, or that lost its owner reference, is an orphan.',
    }),
    watchTimer(HOUR_MS, {
      map: (stores: Pick<Stores, 'actions'>) => stores.actions.cache.list().map(serverKeyOf),
      priority: 'low',
      because: 'ServerActions grow old without any event.',
    }),
  ],
  reconcile(key, { stores }, { options, clock }: Pick<Services, 'options' | 'clock'>) {
    const records = { count: options.actionRecordCount, maxAgeMs: options.actionRecordMaxAgeHours * HOUR_MS }
    const deletions = { count: options.deletedServerCount, maxAgeMs: options.deletedServerHours * HOUR_MS }
    return reconcileCleanup(key, stores, { records, deletions }, clock.wall().getTime())
  },
})
