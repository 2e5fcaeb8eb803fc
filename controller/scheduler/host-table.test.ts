import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HostTable, toHostTable } from './host-table.ts'
import { type HostUsage, type HostView, hostClassKey } from './host-view.ts'
import { selectHost } from './select-host.ts'
import { arbitraryHosts, arbitraryOverrides, arbitraryRequest } from './testing/arbitrary.ts'
import { referenceOrder } from './testing/reference.ts'
import { type HostOverrides, makeAggregate, makeHostView, makeRequest, selectInTurn } from './testing.ts'

type LiveView = HostView & { used: { -readonly [K in keyof HostUsage]: HostUsage[K] } }

class TableAndHosts {
  readonly table = new HostTable()
  readonly views = new Map<string, LiveView>()
  readonly overrides = new Map<string, HostOverrides>()

  set(name: string, overrides: HostOverrides): void {
    const view = makeHostView(name, overrides)
    const live = { ...view, used: { ...view.used } }
    this.views.set(name, live)
    this.overrides.set(name, overrides)
    this.table.set(live)
  }
  setUsage(name: string, used: HostUsage): void {
    Object.assign(this.views.get(name)?.used ?? {}, used)
    const overrides = this.overrides.get(name)
    if (overrides) this.overrides.set(name, { ...overrides, used })
    this.table.markUsageChanged(name)
  }
  delete(name: string): void {
    this.views.delete(name)
    this.overrides.delete(name)
    this.table.delete(name)
  }
}

const name = fc.constantFrom('h0', 'h1', 'h2', 'h3', 'h4', 'h5')
const usage = fc.record({
  vcpus: fc.nat(20),
  ram: fc.nat(4096),
  disk: fc.nat(60),
  servers: fc.nat(4),
  ioOps: fc.nat(3),
})
const change = fc.oneof(
  fc.tuple(name, arbitraryOverrides).map(
    ([n, overrides]) =>
      (target: TableAndHosts) =>
        target.set(n, overrides),
  ),
  fc.tuple(name, usage).map(
    ([n, used]) =>
      (target: TableAndHosts) =>
        target.setUsage(n, used),
  ),
  name.map((n) => (target: TableAndHosts) => target.delete(n)),
)

const selected = (...[request, table]: Parameters<typeof selectHost>): string[] =>
  selectInTurn((asked) => {
    const placement = selectHost(asked, table)
    return placement.placed ? placement.host : undefined
  }, request)

const expected = (...[request, hosts]: Parameters<typeof referenceOrder>): string[] =>
  selectInTurn((asked) => referenceOrder(asked, hosts)[0], request)

// These tests take seconds even on an idle machine.
describe('selectHost and the reference implementation', { timeout: 60_000 }, () => {
  test('select the same hosts for any hosts and request', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryRequest, (hosts, request) => {
        const table = toHostTable(hosts.map(([n, overrides]) => makeHostView(n, overrides)))
        expect(selected(request, table)).toEqual(expected(request, hosts))
      }),
      { numRuns: 500 },
    )
  })

  test('select the same hosts after any changes of the table', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(change, arbitraryRequest), { maxLength: 40, size: 'max' }), (steps) => {
        const target = new TableAndHosts()
        for (const [apply, request] of steps) {
          apply(target)
          expect(selected(request, target.table)).toEqual(expected(request, [...target.overrides]))
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('HostTable', () => {
  test('has one class for each distinct set of facts after any changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40, size: 'max' }), (changes) => {
        const target = new TableAndHosts()
        for (const apply of changes) apply(target)
        const keys = new Set([...target.views.values()].map(hostClassKey))
        expect(target.table.classes().filter((facts) => facts !== undefined)).toHaveLength(keys.size)
        expect(target.table.views.map((view) => view.name).sort()).toEqual([...target.views.keys()].sort())
      }),
    )
  })

  test('puts hosts that differ in name, size and usage into one class', () => {
    const hosts = [makeHostView('a'), makeHostView('b', { vcpus: 2, used: { ram: 7 }, maxServers: 3 })]
    expect(toHostTable(hosts).classes()).toHaveLength(1)
  })

  test.each([
    { disabled: true },
    { state: 'down' as const },
    { unreported: true },
    { qemuVersion: '7.2.0' },
    { firmware: ['bios' as const] },
    { aggregates: [makeAggregate('a', { ssd: 'true' })] },
    { cpu: { features: ['avx2'] } },
  ])('puts a host with %j into a class of its own', (overrides) => {
    expect(toHostTable([makeHostView('a'), makeHostView('b', overrides)]).classes()).toHaveLength(2)
  })

  test('keeps all hosts when it grows to 1,000', () => {
    const hosts = Array.from({ length: 1000 }, (_, i): [string, HostOverrides] => [`h${i}`, { used: { ram: i % 7 } }])
    const table = toHostTable(hosts.map(([n, overrides]) => makeHostView(n, overrides)))
    expect(selected(makeRequest(), table)).toEqual(['h0', 'h105', 'h112'])
    expect(table.views).toHaveLength(1000)
  })
})
