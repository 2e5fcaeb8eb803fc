import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Server } from '../../crds/index.ts'
import type { HostUsage } from './host-view.ts'
import { claimOf, Ledger, type ServerKey } from './ledger.ts'

interface ServerOverrides {
  host?: string
  vcpus?: number
  vmState?: 'building' | 'active'
  taskState?: 'image_snapshot' | 'rebooting'
  uid?: string
  deleting?: boolean
}

function makeServer(
  name: string,
  { host, vcpus = 1, vmState, taskState, uid = `uid-${name}`, deleting }: ServerOverrides = {},
): Server {
  const flavor = { name: 'f', vcpus, ram: vcpus * 1024, disk: vcpus * 10, ephemeral: 0, swap: 0 }
  const image = { name: 'i', namespace: 'ns', uid: 'i', url: 'https://a/b', format: 'qcow2' as const }
  const instance = { uuid: uid, availabilityZone: 'nova', flavor, image, interfaces: [], keys: [] }
  const placed = host === undefined ? {} : { host, instance }
  const states = { ...(vmState ? { vmState } : {}), ...(taskState ? { taskState } : {}) }
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Server',
    metadata: { namespace: 'ns', name, uid, ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { flavor: 'f', configDrive: true, networks: [], powerState: 'Running', locked: false },
    status: { ...placed, ...states },
  }
}

const key = (name: string, uid = `uid-${name}`): ServerKey => ({ namespace: 'ns', name, uid })
const sizes = { vcpus: 1, ram: 1024, disk: 10 }
const none: HostUsage = { vcpus: 0, ram: 0, disk: 0, servers: 0, ioOps: 0 }
const one: HostUsage = { ...sizes, servers: 1, ioOps: 0 }

describe('claimOf', () => {
  test('is undefined for a server without a host', () => expect(claimOf(makeServer('a'))).toBeUndefined())
  test.each([
    [{}, 0],
    [{ vmState: 'building' as const }, 1],
    [{ vmState: 'active' as const, taskState: 'image_snapshot' as const }, 1],
    [{ vmState: 'active' as const, taskState: 'rebooting' as const }, 0],
  ])('counts a server with %j as %d I/O operations', (overrides, ioOps) => {
    expect(claimOf(makeServer('a', { host: 'h', ...overrides }))).toEqual({ host: 'h', ...sizes, ioOps })
  })
})

describe('Ledger', () => {
  test('counts a server until it is gone, also while it is terminating', () => {
    const ledger = new Ledger()
    const usage = ledger.usageOf('h1')
    ledger.observe(makeServer('a', { host: 'h1' }))
    ledger.observe(makeServer('a', { host: 'h1', deleting: true }))
    expect(usage).toEqual(one)
    ledger.remove(makeServer('a'))
    expect(usage).toEqual(none)
  })
  test('counts an assumed claim at once, and only once when it is seen', () => {
    const ledger = new Ledger()
    ledger.observe(makeServer('a'))
    ledger.assume(key('a'), 'h1', sizes, 10)
    expect(ledger.usageOf('h1')).toEqual({ ...one, ioOps: 1 })
    expect(ledger.hostOf('ns', 'a')).toBe('h1')
    ledger.observe(makeServer('a'))
    expect(ledger.usageOf('h1').servers).toBe(1)
    ledger.observe(makeServer('a', { host: 'h1' }))
    expect(ledger.usageOf('h1')).toEqual(one)
    expect(ledger.pendingCount).toBe(0)
  })
  test('counts a server that moves on target hosts until the new one is seen', () => {
    const ledger = new Ledger()
    ledger.observe(makeServer('a', { host: 'h1' }))
    ledger.assume(key('a'), 'h2', sizes, 10)
    expect([ledger.usageOf('h1').servers, ledger.usageOf('h2').servers]).toEqual([1, 1])
    expect(ledger.hostOf('ns', 'a')).toBe('h2')
    ledger.observe(makeServer('a', { host: 'h2' }))
    expect([ledger.usageOf('h1').servers, ledger.usageOf('h2').servers]).toEqual([0, 1])
  })
  test('ignores an assumed claim on the host where the server is seen already', () => {
    const ledger = new Ledger()
    ledger.observe(makeServer('a', { host: 'h1' }))
    ledger.assume(key('a'), 'h1', sizes, 10)
    expect(ledger.usageOf('h1').servers).toBe(1)
  })
  test('drops a claim on forget and on expire', () => {
    const ledger = new Ledger()
    ledger.assume(key('a'), 'h1', sizes, 10)
    ledger.assume(key('b'), 'h1', sizes, 20)
    ledger.forget(key('a'))
    expect(ledger.expire(19)).toEqual([])
    expect(ledger.usageOf('h1').servers).toBe(1)
    expect(ledger.expire(20)).toEqual([key('b')])
    expect(ledger.usageOf('h1')).toEqual(none)
  })
  test('treats a server with the same name and another uid as another server', () => {
    const ledger = new Ledger()
    ledger.observe(makeServer('a', { host: 'h1', uid: 'old' }))
    ledger.assume(key('a', 'old'), 'h2', sizes, 10)
    ledger.observe(makeServer('a', { uid: 'new' }))
    expect([ledger.usageOf('h1').servers, ledger.usageOf('h2').servers]).toEqual([0, 0])
    ledger.assume(key('a', 'new'), 'h3', sizes, 10)
    ledger.remove(makeServer('a', { uid: 'old' }))
    ledger.forget(key('a', 'old'))
    expect(ledger.usageOf('h3').servers).toBe(1)
  })
})

const HOSTS = ['h1', 'h2', 'h3']
const name = fc.constantFrom('a', 'b', 'c', 'd')
const host = fc.constantFrom(...HOSTS)
const vcpus = fc.integer({ min: 1, max: 9 })
const event = fc.oneof(
  fc.record({
    do: fc.constant('observe' as const),
    name,
    host: fc.option(host, { nil: undefined }),
    vcpus,
    generation: fc.nat(1),
    vmState: fc.constantFrom('building' as const, 'active' as const),
  }),
  fc.record({ do: fc.constant('remove' as const), name, generation: fc.nat(1) }),
  fc.record({ do: fc.constant('assume' as const), name, host, vcpus, expires: fc.nat(30), generation: fc.nat(1) }),
  fc.record({ do: fc.constant('forget' as const), name, generation: fc.nat(1) }),
  fc.record({ do: fc.constant('expire' as const), now: fc.nat(30) }),
)

/**
 * The claims that the ledger must contain for one server name: `seen` from a Server in the cache, `pending` from a
 * placement that the cache does not show yet.
 */
interface Expected {
  uid: string
  seen?: Server
  pending?: { host: string; vcpus: number; expires: number }
}

function recount(state: ReadonlyMap<string, Expected>, on: string): HostUsage {
  const total = { ...none }
  const add = (claim: HostUsage) => {
    for (const k of Object.keys(total) as (keyof HostUsage)[]) total[k as 'ram'] += claim[k]
  }
  for (const { seen, pending } of state.values()) {
    const claim = seen && claimOf(seen)
    if (claim?.host === on) add({ ...claim, servers: 1 })
    if (pending?.host === on) {
      const { vcpus } = pending
      add({ vcpus, ram: vcpus * 1024, disk: vcpus * 10, servers: 1, ioOps: 1 })
    }
  }
  return total
}

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never
type Do<K extends Event['do']> = Extract<Event, { do: K }>

class LedgerAndExpectation {
  readonly ledger = new Ledger()
  readonly state = new Map<string, Expected>()

  observe({ name, generation, host, vcpus, vmState }: Do<'observe'>): void {
    const uid = `${name}-${generation}`
    const seen = makeServer(name, { ...(host ? { host } : {}), vcpus, vmState, uid })
    this.ledger.observe(seen)
    const expected = this.#at(name, uid)
    expected.seen = seen
    if (expected.pending?.host === host) delete expected.pending
  }
  remove({ name, generation }: Do<'remove'>): void {
    const uid = `${name}-${generation}`
    this.ledger.remove(makeServer(name, { uid }))
    if (this.state.get(name)?.uid === uid) this.state.delete(name)
  }
  assume({ name, generation, host, vcpus, expires }: Do<'assume'>): void {
    const uid = `${name}-${generation}`
    this.ledger.assume(key(name, uid), host, { vcpus, ram: vcpus * 1024, disk: vcpus * 10 }, expires)
    const expected = this.#at(name, uid)
    delete expected.pending
    if (expected.seen?.status?.host !== host) expected.pending = { host, vcpus, expires }
  }
  forget({ name, generation }: Do<'forget'>): void {
    const uid = `${name}-${generation}`
    this.ledger.forget(key(name, uid))
    const expected = this.state.get(name)
    if (expected?.uid === uid) delete expected.pending
  }
  expire({ now }: Do<'expire'>): void {
    this.ledger.expire(now)
    for (const expected of this.state.values())
      if (expected.pending && expected.pending.expires <= now) delete expected.pending
  }

  #at(name: string, uid: string): Expected {
    const found = this.state.get(name)
    const expected = found?.uid === uid ? found : { uid }
    this.state.set(name, expected)
    return expected
  }
}

test('Ledger agrees with a recount from scratch after any events', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60, size: 'max' }), (events) => {
      const target = new LedgerAndExpectation()
      for (const e of events) {
        target[e.do](e as never)
        for (const h of HOSTS) expect(target.ledger.usageOf(h)).toEqual(recount(target.state, h))
      }
      for (const [n, { seen, pending }] of target.state) {
        expect(target.ledger.hostOf('ns', n)).toBe(pending?.host ?? seen?.status?.host)
      }
      expect(target.ledger.pendingCount).toBe([...target.state.values()].filter((p) => p.pending).length)
    }),
    { numRuns: 300 },
  )
})
