/** The address tables of all networks. If a Port is seen before its Network, the table is created without subnets. */
import type { Port, Server } from '../../crds/index.ts'
import { AddressTable } from './address-table.ts'
import { addressesInUseBy, networkKeyOf } from './references.ts'

export class Allocations {
  readonly #tables = new Map<string, AddressTable>()

  /** The table of the network `namespace/name`. It is created at the first call. */
  tableOf(network: string): AddressTable {
    let table = this.#tables.get(network)
    if (table === undefined) {
      table = new AddressTable()
      this.#tables.set(network, table)
    }
    return table
  }

  /** Calls AddressTable.observe for the Port's network. */
  observe(port: Port, now: number): string[] {
    return this.tableOf(networkKeyOf(port)).observe(port, now)
  }

  /** Calls AddressTable.remove for the Port's network. */
  remove(port: Port, now: number): void {
    this.tableOf(networkKeyOf(port)).remove(port, now)
  }

  /**
   * @param before undefined if the Server is new
   * @param after undefined if the Server is gone
   */
  observeServer(before: Server | undefined, after: Server | undefined, now: number): void {
    // Add before removing: otherwise an address that the guest keeps would be free in between.
    for (const { network, addresses, mac, dhcpAddresses } of addressesInUseBy(after))
      this.tableOf(network).addGuest(addresses, mac, dhcpAddresses)
    for (const { network, addresses, mac, dhcpAddresses } of addressesInUseBy(before))
      this.tableOf(network).removeGuest(addresses, mac, now, dhcpAddresses)
  }

  /**
   * Drops reservations whose Port the cache has not shown in time. Returns the networks (namespace/name) that have free
   * addresses again.
   */
  expire(now: number): string[] {
    return [...this.#tables].flatMap(([network, table]) => (table.expire(now).length > 0 ? [network] : []))
  }
}
