/** Placement and ledger together: many servers in a row, before the watch shows one of them. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ledger } from './claims.ts'
import { tableOf } from './host-table.ts'
import { hostView } from './host-view.ts'
import { place } from './place.ts'
import { demandOf } from './request.ts'
import { hypervisor, request } from './testing.ts'

const sizes = fc.record({
  vcpus: fc.integer({ min: 1, max: 4 }),
  ram: fc.integer({ min: 256, max: 3000 }),
  disk: fc.nat(40),
})
const flavors = fc.array(sizes, { minLength: 1, maxLength: 60, size: 'max' })

function cloud() {
  const ledger = new Ledger()
  const hosts = ['h1', 'h2', 'h3'].map((name) =>
    hostView(hypervisor(name, { vcpus: 4, ram: 8704, disk: 100 }), [], { used: ledger.usage(name) }),
  )
  const table = tableOf(hosts)
  ledger.onChange((name) => table.changed(name))
  return { ledger, hosts, table }
}

test('no host is ever given more than its limits, and a server waits only when it fits nowhere', () => {
  fc.assert(
    fc.property(flavors, (list) => {
      const { ledger, hosts, table } = cloud()
      for (const [i, flavor] of list.entries()) {
        const asked = request({ flavor, server: { namespace: 'ns', name: `s${i}`, uid: `uid-${i}` } })
        const need = demandOf(asked.flavor, asked.image)
        const fits = hosts.filter(
          ({ used, limits }) =>
            used.vcpus + need.vcpus <= limits!.vcpus.limit &&
            used.ram + need.ram <= limits!.ram.limit &&
            used.disk + need.disk <= limits!.disk.limit,
        )
        const placement = place(asked, table)
        expect(placement.none).toBe(fits.length === 0)
        if (!placement.none) ledger.assume(asked.server, placement.host, need, Infinity)
      }
      for (const { used } of hosts) {
        expect(used.vcpus).toBeLessThanOrEqual(16)
        expect(used.ram).toBeLessThanOrEqual(8192)
        expect(used.disk).toBeLessThanOrEqual(100)
      }
    }),
  )
})

test('servers alike are spread evenly', () => {
  const { ledger, hosts, table } = cloud()
  for (let i = 0; i < 12; i++) {
    const asked = request({ server: { namespace: 'ns', name: `s${i}`, uid: `uid-${i}` } })
    const placement = place(asked, table)
    if (placement.none) throw new Error(placement.message)
    ledger.assume(asked.server, placement.host, demandOf(asked.flavor, asked.image), Infinity)
  }
  expect(hosts.map(({ used }) => used.servers)).toEqual([4, 4, 4])
})
