/**
 * The address tables of all networks. Finds the tables for a Port or a Server, and creates a table when a Port is seen
 * before its Network.
 */
import type { Port, Server } from '../../crds/index.ts'
import { AddressTable } from './address-table.ts'
import { addressesInUseBy, networkOf } from './references.ts'

export class Allocations {
  readonly #tables = new Map<string, AddressTable>()

  /** The table of a network, given as namespace/name; created when it is first needed. */
  tableOf(network: string): AddressTable {
    let table = this.#tables.get(network)
    if (table === undefined) {
      table = new AddressTable()
      this.#tables.set(network, table)
    }
    return table
  }

  /** See AddressTable.observe. */
  observe(port: Port, now: number): string[] {
    return this.tableOf(networkOf(port)).observe(port, now)
  }

  /** See AddressTable.remove. */
  remove(port: Port, now: number): void {
    this.tableOf(networkOf(port)).remove(port, now)
  }

  /** To be called with a server as the cache has it now and as it had it before; undefined if it is gone or new. */
  observeServer(before: Server | undefined, after: Server | undefined, now: number): void {
    // Add before removing: an address that the guest keeps is never free in between.
    for (const { network, addresses, mac } of addressesInUseBy(after)) this.tableOf(network).addGuest(addresses, mac)
    for (const { network, addresses, mac } of addressesInUseBy(before))
      this.tableOf(network).removeGuest(addresses, mac, now)
  }

  /**
   * Drops the reservations whose Port was not seen in time. Returns the networks, as namespace/name, where that freed
   * addresses.
   */
  expire(now: number): string[] {
    return [...this.#tables].flatMap(([network, table]) => (table.expire(now).length > 0 ? [network] : []))
  }
}
