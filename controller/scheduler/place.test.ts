import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { explain, withReasons } from './explain.ts'
import { type FilterName, filterNames } from './filters.ts'
import { tableOf } from './host-table.ts'
import type { HostView } from './host-view.ts'
import { type SchedulerOptions, schedulerDefaults } from './options.ts'
import { type Placement, place as placeIn, prepare } from './place.ts'
import type { PlacementRequest } from './request.ts'
import { someHosts, someRequest } from './testing/arbitrary.ts'
import { aggregate, type HostWords, host, request } from './testing.ts'

function place(asked: PlacementRequest, hosts: readonly HostView[], options?: SchedulerOptions): Placement {
  return placeIn(asked, tableOf(hosts), options)
}

function chosen(placement: ReturnType<typeof place>): readonly string[] {
  return placement.none ? [] : [placement.host, ...placement.alternates]
}

describe('where a server goes', () => {
  test('the roomiest host, then the next ones', () => {
    const hosts = [
      host('h1', { used: { ram: 4096 } }),
      host('h2'),
      host('h3', { used: { ram: 8192 } }),
      host('h4', { used: { ram: 9000 } }),
    ]
    expect(place(request(), hosts)).toEqual({ none: false, host: 'h2', alternates: ['h1', 'h3'], candidates: 4 })
  })
  test('alike hosts: by name; as many as maxAttempts', () => {
    const hosts = ['h4', 'h2', 'h3', 'h1'].map((name) => host(name))
    expect(chosen(place(request(), hosts))).toEqual(['h1', 'h2', 'h3'])
    expect(chosen(place(request(), hosts, { ...schedulerDefaults, maxAttempts: 1 }))).toEqual(['h1'])
    expect(chosen(place(request(), hosts.slice(0, 2)))).toEqual(['h2', 'h4'])
  })
  test('a host that is disabled, down or tried before is left for the next one', () => {
    const words: HostWords[] = [{}, { disabled: true }, { state: 'down' }, { forcedDown: true }, { silent: true }]
    for (const mine of words.slice(1)) expect(chosen(place(request(), [host('h1', mine), host('h2')]))).toEqual(['h2'])
    expect(chosen(place(request({ ignoreHosts: ['h1'] }), [host('h1'), host('h2')]))).toEqual(['h2'])
  })
  test('the zone', () => {
    const hosts = ['az1', 'az2'].map((zone) => host(`h-${zone}`, { aggregates: [aggregate(zone, {}, zone)] }))
    expect(chosen(place(request({ availabilityZone: 'az2' }), hosts))).toEqual(['h-az2'])
    expect(place(request({ availabilityZone: 'az3' }), hosts).none).toBe(true)
  })
  test('failed builds weigh more than any room', () => {
    const hosts = [host('big', { ram: 500_000, failedBuilds: 1 }), host('small', { ram: 4096 })]
    expect(chosen(place(request(), hosts))).toEqual(['small', 'big'])
  })
  test('a filter that is off refuses none', () => {
    const filters = filterNames.filter((n) => n !== 'ComputeFilter')
    const hosts = [host('h1', { disabled: true })]
    expect(chosen(place(request(), hosts, { ...schedulerDefaults, filters }))).toEqual(['h1'])
  })
  test('shuffled: the seed and the server say which of the alike, the same at each run', () => {
    const hosts = Array.from({ length: 10 }, (_, i) => host(`h${i}`))
    const of = (uid: string, shuffleSeed: string) =>
      chosen(
        place(request({ server: { namespace: 'n', name: 'n', uid } }), hosts, { ...schedulerDefaults, shuffleSeed }),
      )[0]
    const picks = Array.from({ length: 200 }, (_, i) => of(`uid-${i}`, 's'))
    expect(new Set(picks).size).toBe(10)
    expect(picks).toEqual(Array.from({ length: 200 }, (_, i) => of(`uid-${i}`, 's')))
    expect(picks).not.toEqual(Array.from({ length: 200 }, (_, i) => of(`uid-${i}`, 't')))
  })
})

describe('what a user reads', () => {
  const message = (asked: PlacementRequest, hosts: HostView[]) => {
    const placement = place(asked, hosts)
    return placement.none ? placement.message : placement
  }
  test('reasons are counted, the nearest host is named', () => {
    const hosts = [
      host('h1', { ram: 8192, used: { ram: 6656 } }),
      host('h2', { ram: 8192, used: { ram: 7168 } }),
      host('h3', { disabled: true, disabledReason: 'disk swap' }),
    ]
    for (const order of [hosts, hosts.toReversed()])
      expect(message(request({ flavor: { ram: 4096 } }), order)).toBe(
        'no host can take it: 3 hosts: 2 too little memory (need 4096 MiB, most free 1024 MiB on h1), 1 disabled (disk swap)',
      )
  })
  test('no host at all', () => {
    expect(message(request(), [])).toBe('no host can take it: there is no Hypervisor; start the agent on a host')
  })
  test('one host', () => {
    expect(message(request({ flavor: { vcpus: 64 } }), [host('h1')])).toBe(
      'no host can take it: 1 host: 1 too small in CPU threads (need 64 vCPUs, largest has 16 vCPUs on h1)',
    )
  })
  test('values that differ are those of the first host by name', () => {
    const hosts = [
      host('h2', { disabled: true, disabledReason: 'b' }),
      host('h1', { disabled: true, disabledReason: 'a' }),
    ]
    expect(message(request(), hosts)).toBe('no host can take it: 2 hosts: 2 disabled (a on h1)')
  })
  test('10,000 hosts: bounded', () => {
    const hosts = Array.from({ length: 10_000 }, (_, i) =>
      host(`host-${i}`, { disabled: true, disabledReason: `${'x'.repeat(200)}${i}` }),
    )
    const placement = place(request(), hosts)
    if (!placement.none) throw new Error('placed')
    expect(placement.message.length).toBeLessThan(300)
    expect(placement.rejections).toHaveLength(20)
    const all = withReasons(placement, hosts.length)
    expect(all).toMatch(/\nand 9980 more$/)
    expect(all.length).toBeLessThan(4096)
  })
  test('each host has the filter that refused it and the reason', () => {
    const hosts = [host('h2', { state: 'down' }), host('h1', { maxServers: 0 })]
    expect(place(request(), hosts)).toMatchObject({
      rejections: [
        { host: 'h1', filter: 'NumInstancesFilter', reason: 'at maxServers: holds 0 of at most 0' },
        { host: 'h2', filter: 'ComputeFilter', reason: 'down: its agent has sent no heartbeat' },
      ],
    })
  })
})

describe('always', () => {
  test('the order of the hosts does not matter', () => {
    const seeds = fc.constantFrom(undefined, 'seed')
    fc.assert(
      fc.property(someHosts, someRequest, seeds, fc.infiniteStream(fc.nat()), (hosts, asked, seed, nats) => {
        const options = { ...schedulerDefaults, ...(seed === undefined ? {} : { shuffleSeed: seed }) }
        const keys = new Map(hosts.map((h) => [h.name, nats.next().value]))
        const shuffled = hosts.toSorted((a, b) => keys.get(a.name)! - keys.get(b.name)!)
        expect(place(asked, shuffled, options)).toEqual(place(asked, hosts, options))
      }),
    )
  })
  test('only on hosts that every filter lets pass; nowhere only when none does', () => {
    fc.assert(
      fc.property(someHosts, someRequest, (hosts, asked) => {
        const tests = prepare(asked, schedulerDefaults)
        const able = hosts.filter((h) => tests.every(({ test }) => test.passes(h))).map((h) => h.name)
        const names = chosen(place(asked, hosts))
        expect(able).toEqual(expect.arrayContaining([...names]))
        expect(names).toHaveLength(Math.min(3, able.length))
        expect(new Set(names).size).toBe(names.length)
      }),
    )
  })
  test('every host that is refused has a reason of its own filter', () => {
    fc.assert(
      fc.property(someHosts, someRequest, (hosts, asked) => {
        const tests = prepare(asked, schedulerDefaults)
        const refused = hosts.filter((h) => !tests.every(({ test }) => test.passes(h)))
        const { rejections, message } = explain(tests, refused)
        expect(rejections.map((r) => r.host)).toEqual(refused.map((r) => r.name).sort())
        for (const { filter, reason } of rejections) {
          expect(filterNames).toContain(filter as FilterName)
          expect(reason).not.toMatch(/undefined|NaN/)
        }
        const counted = [...message.matchAll(/(?::|,) (\d+) (?!hosts?:)/g)].reduce((sum, m) => sum + Number(m[1]), 0)
        expect(counted).toBe(refused.length)
      }),
    )
  })
})
