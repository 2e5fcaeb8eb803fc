/** Tests selectHost and Ledger together: many servers are placed in a row before the cache shows any of them. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { toHostTable } from './host-table.ts'
import { toHostView } from './host-view.ts'
import { Ledger } from './ledger.ts'
import { demandOf } from './request.ts'
import { selectHost } from './select-host.ts'
import { makeHypervisor, makeRequest } from './testing.ts'

const sizes = fc.record({
  vcpus: fc.integer({ min: 1, max: 4 }),
  ram: fc.integer({ min: 256, max: 3000 }),
  disk: fc.nat(40),
})
const flavors = fc.array(sizes, { minLength: 1, maxLength: 60, size: 'max' })

function makeCloud() {
  const ledger = new Ledger()
  const hosts = ['h1', 'h2', 'h3'].map((name) =>
    toHostView(makeHypervisor(name, { vcpus: 4, ram: 8704, disk: 100 }), [], ledger.usageOf(name)),
  )
  const table = toHostTable(hosts)
  ledger.onChange((name) => table.markUsageChanged(name))
  return { ledger, hosts, table }
}

test('no host is given more than its limits, and a server stays unplaced only when it fits on no host', () => {
  fc.assert(
    fc.property(flavors, (list) => {
      const { ledger, hosts, table } = makeCloud()
      for (const [i, flavor] of list.entries()) {
        const request = makeRequest({ flavor, server: { namespace: 'ns', name: `s${i}`, uid: `uid-${i}` } })
        const fits = hosts.some(
          ({ used }) =>
            used.vcpus + flavor.vcpus <= 16 && used.ram + flavor.ram <= 8192 && used.disk + flavor.disk <= 100,
        )
        const placement = selectHost(request, table)
        expect(placement.placed).toBe(fits)
        if (!placement.placed) continue
        ledger.assume(request.server, placement.host, demandOf(request.flavor, request.image), Infinity)
      }
      for (const { used } of hosts) {
        expect(used.vcpus).toBeLessThanOrEqual(16)
        expect(used.ram).toBeLessThanOrEqual(8192)
        expect(used.disk).toBeLessThanOrEqual(100)
      }
    }),
  )
})

test('equal servers are spread evenly over equal hosts', () => {
  const { ledger, hosts, table } = makeCloud()
  for (let i = 0; i < 12; i++) {
    const request = makeRequest({ server: { namespace: 'ns', name: `s${i}`, uid: `uid-${i}` } })
    const placement = selectHost(request, table)
    if (!placement.placed) throw new Error(placement.message)
    ledger.assume(request.server, placement.host, demandOf(request.flavor, request.image), Infinity)
  }
  expect(hosts.map(({ used }) => used.servers)).toEqual([4, 4, 4])
})
