import type { Network, Port } from '../crds/index.ts'
import type { Channels } from '../kube/channel.ts'
import type { Clock } from '../kube/clock.ts'
import type { Log } from '../kube/log.ts'
import { keyOf } from '../kube/types.ts'
import { addressConflict } from './channels.ts'
import { Allocations } from './network/allocations.ts'
import { Ledger } from './scheduler/ledger.ts'
import type { Stores } from './stores.ts'

/**
 * Milliseconds that some watches wait between a change and the reconcile, so that several changes cause only one
 * reconcile.
 */
export const FIGURES_MS = 5000

export interface Usage {
  ledger: Ledger
  allocations: Allocations
}

/**
 * To be called before the caches start. Notifies the channel {@link addressConflict} of Ports that share an address.
 */
export function followUsage(
  { servers, ports, networks }: Pick<Stores, 'servers' | 'ports' | 'networks'>,
  clock: Clock,
  channels: Channels,
): Usage {
  const ledger = new Ledger()
  const allocations = new Allocations()
  servers.informer.on({
    added(server) {
      ledger.observe(server)
      allocations.observeServer(undefined, server, clock.now())
    },
    updated(old, server) {
      ledger.observe(server)
      allocations.observeServer(old, server, clock.now())
    },
    deleted(server) {
      ledger.remove(server)
      allocations.observeServer(server, undefined, clock.now())
    },
  })
  const observePort = (port: Port): void => {
    const others = allocations.observe(port, clock.now())
    if (others.length > 0) for (const key of [keyOf(port.metadata), ...others]) channels.notify(addressConflict, key)
  }
  ports.informer.on({
    added: observePort,
    updated: (_, port) => observePort(port),
    deleted: (port) => allocations.remove(port, clock.now()),
  })
  const setNetwork = (network: Network): void => allocations.tableOf(keyOf(network.metadata)).setNetwork(network)
  networks.informer.on({ added: setNetwork, updated: (_, network) => setNetwork(network) })
  return { ledger, allocations }
}

/**
 * Drops placements, and reservations of addresses, that the caches have not shown in time. Returns the keys of the
 * Networks that have free addresses again.
 */
export function expireUnseen({ ledger, allocations }: Usage, clock: Clock, log: Log): string[] {
  const late = ledger.expire(clock.now())
  if (late.length > 0)
    log.warn({ servers: late.map(keyOf) }, 'placements were never seen in the cache and are given up')
  return allocations.expire(clock.now())
}
