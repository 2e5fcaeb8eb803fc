import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HostTable, tableOf } from './host-table.ts'
import { type HostView, kindKey, type Usage } from './host-view.ts'
import { place } from './place.ts'
import { hostWords, someHosts, someOptions, someRequest } from './testing/arbitrary.ts'
import { placePlainly } from './testing/plain.ts'
import { aggregate, host, request } from './testing.ts'

/** A table, and the views that it is told of; their loads can be changed as a ledger changes them. */
class Both {
  readonly table = new HostTable()
  readonly views = new Map<string, HostView & { used: { -readonly [K in keyof Usage]: Usage[K] } }>()

  set(view: HostView): void {
    const live = { ...view, used: { ...view.used } }
    this.views.set(view.name, live)
    this.table.set(live)
  }
  load(name: string, used: Usage): void {
    Object.assign(this.views.get(name)?.used ?? {}, used)
    this.table.changed(name)
  }
  delete(name: string): void {
    this.views.delete(name)
    this.table.delete(name)
  }
}

const name = fc.constantFrom('h0', 'h1', 'h2', 'h3', 'h4', 'h5')
const load = fc.record({
  vcpus: fc.nat(20),
  ram: fc.nat(4096),
  disk: fc.nat(60),
  servers: fc.nat(4),
  ioOps: fc.nat(3),
})
const step = fc.oneof(
  fc.tuple(name, hostWords).map(
    ([n, words]) =>
      (both: Both) =>
        both.set(host(n, words)),
  ),
  fc.tuple(name, load).map(
    ([n, used]) =>
      (both: Both) =>
        both.load(n, used),
  ),
  name.map((n) => (both: Both) => both.delete(n)),
)

// Seconds on a machine of its own.
describe('the fast way and the plain way', { timeout: 60_000 }, () => {
  test('agree on any hosts, requests and options', () => {
    fc.assert(
      fc.property(someHosts, someRequest, someOptions, (hosts, asked, options) => {
        expect(place(asked, tableOf(hosts), options)).toEqual(placePlainly(asked, hosts, options))
      }),
      { numRuns: 500 },
    )
  })

  test('agree after any changes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(step, someRequest), { maxLength: 40, size: 'max' }),
        someOptions,
        (steps, options) => {
          const both = new Both()
          for (const [change, asked] of steps) {
            change(both)
            const plain = placePlainly(asked, [...both.views.values()], options)
            expect(place(asked, both.table, options)).toEqual(plain)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('kinds', () => {
  test('are as many as there are sorts of hosts, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const both = new Both()
        for (const change of steps) change(both)
        const keys = new Set([...both.views.values()].map(kindKey))
        expect(both.table.kinds().filter((kind) => kind !== undefined)).toHaveLength(keys.size)
        expect(both.table.views.map((view) => view.name).sort()).toEqual([...both.views.keys()].sort())
      }),
    )
  })

  test('hosts that differ in name, size and load are of one kind', () => {
    const alike = [host('a'), host('b', { vcpus: 2, used: { ram: 7 }, maxServers: 3, failedBuilds: 1 })]
    expect(tableOf(alike).kinds()).toHaveLength(1)
  })

  test.each([
    { disabled: true },
    { state: 'down' as const },
    { silent: true },
    { qemuVersion: '7.2.0' },
    { firmware: ['bios' as const] },
    { aggregates: [aggregate('a', { ssd: 'true' })] },
    { cpu: { features: ['avx2'] } },
  ])('%j makes another kind', (words) => {
    expect(tableOf([host('a'), host('b', words)]).kinds()).toHaveLength(2)
  })
})

test('many hosts: the table grows', () => {
  const hosts = Array.from({ length: 1000 }, (_, i) => host(`h${i}`, { used: { ram: i % 7 } }))
  expect(place(request(), tableOf(hosts))).toEqual(placePlainly(request(), hosts))
})
