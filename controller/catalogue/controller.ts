/**
 * The controllers of Flavors, Images, KeyPairs and HostAggregates. They create nothing. They only report in the Ready
 * condition whether each object can be used.
 */
import { type Controller, defineController } from '../../kube/controller.ts'
import { keysOf } from '../../kube/types.ts'
import { watch } from '../../kube/watch.ts'
import type { Services } from '../services.ts'
import { aggregates, flavors, hypervisors, images, keyPairs, type Stores } from '../stores.ts'
import { reconcileAggregate, reconcileFlavor, reconcileImage, reconcileKeyPair } from './reconcile.ts'

type Clocked = Pick<Services, 'clock'>
const nowOf =
  ({ clock }: Clocked) =>
  (): string =>
    clock.wall().toISOString()

export const flavorController: Controller<Clocked> = defineController({
  name: 'flavors',
  for: flavors,
  stores: { flavors },
  reconcile: (key, { stores }, services: Clocked) => reconcileFlavor(key, { stores, now: nowOf(services) }),
})

export const imageController: Controller<Clocked> = defineController({
  name: 'images',
  for: images,
  stores: { images },
  reconcile: (key, { stores }, services: Clocked) => reconcileImage(key, { stores, now: nowOf(services) }),
})

export const keyPairController: Controller<Clocked> = defineController({
  name: 'keyPairs',
  for: keyPairs,
  stores: { keyPairs },
  reconcile: (key, { stores }, services: Clocked) => reconcileKeyPair(key, { stores, now: nowOf(services) }),
})

const allAggregateKeys = (_: unknown, { aggregates: { cache } }: Pick<Stores, 'aggregates'>): string[] =>
  keysOf(cache.values())

export const aggregateController: Controller<Clocked> = defineController({
  name: 'aggregates',
  for: aggregates,
  stores: { aggregates, hypervisors },
  watches: [
    watch(aggregates, {
      map: allAggregateKeys,
      priority: 'normal',
      because: 'A host is in the availability zone of only one aggregate. The other aggregates report that.',
    }),
    watch(hypervisors, {
      added: allAggregateKeys,
      deleted: allAggregateKeys,
      priority: 'normal',
      because: 'An aggregate can name hosts that do not exist yet, and reports which are missing.',
    }),
  ],
  reconcile: (key, { stores }, services: Clocked) => reconcileAggregate(key, { stores, now: nowOf(services) }),
})
