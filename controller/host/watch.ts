import type { Hypervisor } from '../../crds/index.ts'
import { type WakeOptions, type Watch, watch, watchChannel } from '../../kube/watch.ts'
import { hostLivenessChanged } from '../channels.ts'
import { findVersionSkew, unusableReasonOf } from '../scheduler/host-view.ts'
import { hypervisors } from '../stores.ts'

/**
 * The facts of a host that placement depends on, as one text to compare. Its usage is left out, because it changes with
 * every Server.
 */
const placementFactsOf = ({ spec, status = {} }: Hypervisor): string =>
  JSON.stringify([
    spec,
    status.capacity,
    status.sealingKey,
    status.agentVersion,
    unusableReasonOf({ status }),
    findVersionSkew({ status }),
  ])

/**
 * Enqueues the keys that `keysOf` returns for a host when the host is created or deleted, changes its capacity or
 * settings, or goes up or down.
 */
export const watchHosts = <S>(
  keysOf: (host: string, stores: S) => Iterable<string>,
  options: WakeOptions,
): Watch<S>[] => [
  watch(hypervisors, {
    ...options,
    map: ({ metadata }, stores: S) => keysOf(metadata.name, stores),
    updated: (old, now, stores: S) =>
      placementFactsOf(old) === placementFactsOf(now) ? [] : keysOf(now.metadata.name, stores),
  }),
  watchChannel(hostLivenessChanged, { ...options, map: keysOf }),
]
