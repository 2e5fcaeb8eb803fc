/** Changes of a host that more than one controller is woken by. */
import type { Hypervisor } from '../../crds/index.ts'
import { type WakeOptions, type Watch, watch, watchChannel } from '../../kube/watch.ts'
import { hostLivenessChanged } from '../channels.ts'
import { isLibvirtUnreachable } from '../scheduler/host-view.ts'
import { hypervisors } from '../stores.ts'

/** What placement depends on: not how much of the host is used, which changes with every Server. */
const placementFacts = ({ spec, status }: Hypervisor): string =>
  JSON.stringify([spec, status?.capacity, isLibvirtUnreachable(status ? { status } : {})])

/** Wakes the keys that a host concerns when it comes or goes, when its capacity or its settings change, and when it goes up or down. */
export const watchHosts = <S>(
  keysOf: (host: string, stores: S) => Iterable<string>,
  options: WakeOptions,
): Watch<S>[] => [
  watch(hypervisors, {
    ...options,
    map: ({ metadata }, stores: S) => keysOf(metadata.name, stores),
    updated: (old, now, stores: S) =>
      placementFacts(old) === placementFacts(now) ? [] : keysOf(now.metadata.name, stores),
  }),
  watchChannel(hostLivenessChanged, { ...options, map: keysOf }),
]
