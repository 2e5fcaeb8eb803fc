import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Filter } from './filter.ts'
import { filters } from './filters.ts'
import { toHostTable } from './host-table.ts'
import type { HostView } from './host-view.ts'
import type { PlacementRequest } from './request.ts'
import { MAX_ATTEMPTS, type Placement, selectHost as selectFrom } from './select-host.ts'
import { arbitraryHosts, arbitraryRequest } from './testing/arbitrary.ts'
import { referenceOrder, referenceReasons } from './testing/reference.ts'
import { type HostOverrides, makeAggregate, makeHostView, makeRequest, selectInTurn } from './testing.ts'

function selectHost(request: PlacementRequest, hosts: readonly HostView[]): Placement {
  return selectFrom(request, toHostTable(hosts))
}

const selected = (request: PlacementRequest, hosts: readonly HostView[]): readonly string[] =>
  selectInTurn((asked) => {
    const placement = selectHost(asked, hosts)
    return placement.placed ? placement.host : undefined
  }, request)

const toViews = (hosts: readonly [string, HostOverrides][]) => hosts.map(([name, o]) => makeHostView(name, o))

describe('selectHost', () => {
  test('selects the host with the most free memory, then the next best ones', () => {
    const hosts = [
      makeHostView('h1', { used: { ram: 4096 } }),
      makeHostView('h2'),
      makeHostView('h3', { used: { ram: 8192 } }),
      makeHostView('h4', { used: { ram: 9000 } }),
    ]
    expect(selectHost(makeRequest(), hosts)).toEqual({ placed: true, host: 'h2' })
    expect(selected(makeRequest(), hosts)).toEqual(['h2', 'h1', 'h3'])
  })
  test('orders equal hosts by name and returns at most three', () => {
    const hosts = ['h4', 'h2', 'h3', 'h1'].map((name) => makeHostView(name))
    expect(MAX_ATTEMPTS).toBe(3)
    expect(selected(makeRequest(), hosts)).toEqual(['h1', 'h2', 'h3'])
    expect(selected(makeRequest(), hosts.slice(0, 2))).toEqual(['h2', 'h4'])
  })
  test.each([{ disabled: true }, { state: 'down' as const }, { forcedDown: true }, { unreported: true }])(
    'passes over a host with %j',
    (overrides) => {
      expect(selected(makeRequest(), [makeHostView('h1', overrides), makeHostView('h2')])).toEqual(['h2'])
    },
  )
  test('passes over a host that has rejected the server', () => {
    const hosts = [makeHostView('h1'), makeHostView('h2')]
    expect(selected(makeRequest({ ignoreHosts: ['h1'] }), hosts)).toEqual(['h2'])
  })
  test('selects a host in the requested availability zone only', () => {
    const hosts = ['az1', 'az2'].map((zone) =>
      makeHostView(`h-${zone}`, { aggregates: [makeAggregate(zone, {}, zone)] }),
    )
    expect(selected(makeRequest({ availabilityZone: 'az2' }), hosts)).toEqual(['h-az2'])
    expect(selectHost(makeRequest({ availabilityZone: 'az3' }), hosts).placed).toBe(false)
  })
  test('gives the same result for hosts in any order', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryRequest, fc.infiniteStream(fc.nat()), (hosts, request, nats) => {
        const views = toViews(hosts)
        const keys = new Map(views.map((h) => [h.name, nats.next().value]))
        const shuffled = views.toSorted((a, b) => keys.get(a.name)! - keys.get(b.name)!)
        expect(selectHost(request, shuffled)).toEqual(selectHost(request, views))
      }),
    )
  })
  test('returns only hosts that can take the server, each once, and as many of them as it may', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryRequest, (hosts, request) => {
        const able = referenceOrder(request, hosts)
        const names = selected(request, toViews(hosts))
        expect(able).toEqual(expect.arrayContaining([...names]))
        expect(names).toHaveLength(Math.min(3, able.length))
        expect(new Set(names).size).toBe(names.length)
      }),
    )
  })
})

describe('the message when no host takes the server', () => {
  const messageOf = (request: PlacementRequest, hosts: HostView[]) => {
    const placement = selectHost(request, hosts)
    return placement.placed ? placement : placement.message
  }
  test('counts the reasons and names the closest host', () => {
    const hosts = [
      makeHostView('h1', { ram: 8192, used: { ram: 6656 } }),
      makeHostView('h2', { ram: 8192, used: { ram: 7168 } }),
      makeHostView('h3', { disabled: true, disabledReason: 'disk swap' }),
    ]
    for (const order of [hosts, hosts.toReversed()])
      expect(messageOf(makeRequest({ flavor: { ram: 4096 } }), order)).toBe(
        'no host can take it: 3 hosts: 2 too little memory (need 4096 MiB, most free 1024 MiB on h1), 1 disabled (disk swap)',
      )
  })
  test('tells to start an agent when there is no host', () => {
    expect(messageOf(makeRequest(), [])).toBe('no host can take it: there is no Hypervisor; start the agent on a host')
  })
  test('uses the singular for one host', () => {
    const image = { properties: { hw_tpm_version: '2.0' } }
    expect(messageOf(makeRequest({ image }), [makeHostView('h1'), makeHostView('h2')])).toBe(
      'no host can take it: 2 hosts: 2 without a required trait (lacks COMPUTE_SECURITY_TPM_2_0 for hw_tpm_version=2.0 of the image)',
    )
    expect(messageOf(makeRequest({ flavor: { vcpus: 64 } }), [makeHostView('h1')])).toBe(
      'no host can take it: 1 host: 1 too small in CPU threads (need 64 vCPUs, largest has 16 vCPUs on h1)',
    )
  })
  test('names the first host by name when details differ', () => {
    const hosts = [
      makeHostView('h2', { disabled: true, disabledReason: 'b' }),
      makeHostView('h1', { disabled: true, disabledReason: 'a' }),
    ]
    expect(messageOf(makeRequest(), hosts)).toBe('no host can take it: 2 hosts: 2 disabled (a on h1)')
  })
  test('stays short with 10,000 hosts', () => {
    const hosts = Array.from({ length: 10_000 }, (_, i) =>
      makeHostView(`host-${i}`, { disabled: true, disabledReason: `${'x'.repeat(200)}${i}` }),
    )
    const placement = selectHost(makeRequest(), hosts)
    if (placement.placed) throw new Error('placed')
    expect(placement.message.length).toBeLessThan(300)
  })
  test('names the reason of every rejected host', () => {
    const hosts = [makeHostView('h2', { state: 'down' }), makeHostView('h1', { maxServers: 0 })]
    expect(messageOf(makeRequest(), hosts)).toBe(
      'no host can take it: 2 hosts: 1 at maxServers (has 0 of at most 0), 1 down (its agent has sent no heartbeat)',
    )
  })
  test('counts every host under the reason of the first filter that rejects it', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryRequest, (hosts, request) => {
        const placement = selectHost(request, toViews(hosts))
        fc.pre(!placement.placed && hosts.length > 0)
        const message = placement.placed ? '' : placement.message
        expect(message).not.toMatch(/undefined|NaN/)
        const counted = [...message.matchAll(/(?<=: |, )(\d+) ((?!hosts?:)[^(]+) \(/g)]
        for (const [pattern, count] of referenceReasons(request, hosts)) {
          const found = counted.filter(([, , summary = '']) => pattern.test(summary))
          expect(found.reduce((sum, [, n]) => sum + Number(n), 0)).toBe(count)
        }
      }),
    )
  })
})

test('every filter is registered under its own name', () => {
  for (const [name, filter] of Object.entries<Filter>(filters)) expect(filter.name).toBe(name)
})
