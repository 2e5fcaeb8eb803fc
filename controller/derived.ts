/** What the controller derives from its caches, kept up event by event: who uses how much of which host, and which addresses. */
import type { Network, Port } from '../crds/index.ts'
import type { Clock } from '../kube/clock.ts'
import type { Log } from '../kube/log.ts'
import { keyOf } from '../kube/types.ts'
import { Allocations } from './network/allocations.ts'
import { Ledger } from './scheduler/ledger.ts'
import type { Stores } from './stores.ts'

export interface Derived {
  ledger: Ledger
  allocations: Allocations
}

/**
 * Follows the caches; call it before they start.
 * @param onShared told of a Port, and of each other that has an address of its
 */
export function derive(stores: Stores, clock: Clock, onShared: (port: string) => void = () => undefined): Derived {
  const ledger = new Ledger()
  const allocations = new Allocations()
  stores.servers.informer.on({
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
  const see = (port: Port): void => {
    const others = allocations.observe(port, clock.now())
    if (others.length > 0) for (const key of [keyOf(port.metadata), ...others]) onShared(key)
  }
  stores.ports.informer.on({
    added: see,
    updated: (_, port) => see(port),
    deleted: (port) => allocations.remove(port, clock.now()),
  })
  const setNetwork = (network: Network): void => allocations.tableOf(keyOf(network.metadata)).setNetwork(network)
  stores.networks.informer.on({ added: setNetwork, updated: (_, network) => setNetwork(network) })
  return { ledger, allocations }
}

/** Gives up what was decided and never seen in the caches. Returns the networks, as namespace/name, that have addresses free by it. */
export function expireClaims({ ledger, allocations }: Derived, clock: Clock, log: Log): string[] {
  const late = ledger.expire(clock.now())
  if (late.length > 0)
    log.warn({ servers: late.map(({ namespace, name }) => `${namespace}/${name}`) }, 'claims were never seen, given up')
  return allocations.expire(clock.now())
}
