import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Server } from '../../crds/index.ts'
import { claimOf, Ledger, type ServerKey } from './claims.ts'
import type { Usage } from './host-view.ts'

interface Words {
  host?: string
  vcpus?: number
  vmState?: 'building' | 'active'
  taskState?: 'image_snapshot' | 'rebooting'
  uid?: string
  deleting?: boolean
}

function server(
  name: string,
  { host, vcpus = 1, vmState, taskState, uid = `uid-${name}`, deleting }: Words = {},
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
const none: Usage = { vcpus: 0, ram: 0, disk: 0, servers: 0, ioOps: 0 }
const one: Usage = { ...sizes, servers: 1, ioOps: 0 }

describe('what a server takes', () => {
  test('nothing without a host', () => expect(claimOf(server('a'))).toBeUndefined())
  test.each([
    [{}, 0],
    [{ vmState: 'building' as const }, 1],
    [{ vmState: 'active' as const, taskState: 'image_snapshot' as const }, 1],
    [{ vmState: 'active' as const, taskState: 'rebooting' as const }, 0],
  ])('%j: %d I/O', (words, ioOps) => {
    expect(claimOf(server('a', { host: 'h', ...words }))).toEqual({ host: 'h', ...sizes, ioOps })
  })
})

describe('the ledger', () => {
  test('counts a server until it is gone, also while it is being deleted', () => {
    const ledger = new Ledger()
    const usage = ledger.usage('h1')
    ledger.observe(server('a', { host: 'h1' }))
    ledger.observe(server('a', { host: 'h1', deleting: true }))
    expect(usage).toEqual(one)
    ledger.remove(server('a'))
    expect(usage).toEqual(none)
  })
  test('an assumed claim counts at once, and once when it is seen', () => {
    const ledger = new Ledger()
    ledger.observe(server('a'))
    ledger.assume(key('a'), 'h1', sizes, 10)
    expect(ledger.usage('h1')).toEqual({ ...one, ioOps: 1 })
    expect(ledger.hostOf('ns', 'a')).toBe('h1')
    ledger.observe(server('a'))
    expect(ledger.usage('h1').servers).toBe(1)
    ledger.observe(server('a', { host: 'h1' }))
    expect(ledger.usage('h1')).toEqual(one)
    expect(ledger.pending).toBe(0)
  })
  test('a server that moves counts on both hosts until the new one is seen', () => {
    const ledger = new Ledger()
    ledger.observe(server('a', { host: 'h1' }))
    ledger.assume(key('a'), 'h2', sizes, 10)
    expect([ledger.usage('h1').servers, ledger.usage('h2').servers]).toEqual([1, 1])
    expect(ledger.hostOf('ns', 'a')).toBe('h2')
    ledger.observe(server('a', { host: 'h2' }))
    expect([ledger.usage('h1').servers, ledger.usage('h2').servers]).toEqual([0, 1])
  })
  test('a claim on the host where it is seen already is none', () => {
    const ledger = new Ledger()
    ledger.observe(server('a', { host: 'h1' }))
    ledger.assume(key('a'), 'h1', sizes, 10)
    expect(ledger.usage('h1').servers).toBe(1)
  })
  test('forget and expire give a claim up', () => {
    const ledger = new Ledger()
    ledger.assume(key('a'), 'h1', sizes, 10)
    ledger.assume(key('b'), 'h1', sizes, 20)
    ledger.forget(key('a'))
    expect(ledger.expire(19)).toEqual([])
    expect(ledger.usage('h1').servers).toBe(1)
    expect(ledger.expire(20)).toEqual([key('b')])
    expect(ledger.usage('h1')).toEqual(none)
  })
  test('of one name and another uid: another server', () => {
    const ledger = new Ledger()
    ledger.observe(server('a', { host: 'h1', uid: 'old' }))
    ledger.assume(key('a', 'old'), 'h2', sizes, 10)
    ledger.observe(server('a', { uid: 'new' }))
    expect([ledger.usage('h1').servers, ledger.usage('h2').servers]).toEqual([0, 0])
    ledger.assume(key('a', 'new'), 'h3', sizes, 10)
    ledger.remove(server('a', { uid: 'old' }))
    ledger.forget(key('a', 'old'))
    expect(ledger.usage('h3').servers).toBe(1)
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

/** The same said plainly: per name what is seen and what is pending, added up from scratch. */
interface Plain {
  uid: string
  seen?: Server
  pending?: { host: string; vcpus: number; expires: number }
}

function recount(state: ReadonlyMap<string, Plain>, on: string): Usage {
  const total = { ...none }
  const add = (claim: Usage) => {
    for (const k of Object.keys(total) as (keyof Usage)[]) total[k as 'ram'] += claim[k]
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

/** The ledger and the plain state, told the same. */
class Both {
  readonly ledger = new Ledger()
  readonly state = new Map<string, Plain>()

  observe({ name, generation, host, vcpus, vmState }: Do<'observe'>): void {
    const uid = `${name}-${generation}`
    const seen = server(name, { ...(host ? { host } : {}), vcpus, vmState, uid })
    this.ledger.observe(seen)
    const plain = this.#at(name, uid)
    plain.seen = seen
    if (plain.pending?.host === host) delete plain.pending
  }
  remove({ name, generation }: Do<'remove'>): void {
    const uid = `${name}-${generation}`
    this.ledger.remove(server(name, { uid }))
    if (this.state.get(name)?.uid === uid) this.state.delete(name)
  }
  assume({ name, generation, host, vcpus, expires }: Do<'assume'>): void {
    const uid = `${name}-${generation}`
    this.ledger.assume(key(name, uid), host, { vcpus, ram: vcpus * 1024, disk: vcpus * 10 }, expires)
    const plain = this.#at(name, uid)
    delete plain.pending
    if (plain.seen?.status?.host !== host) plain.pending = { host, vcpus, expires }
  }
  forget({ name, generation }: Do<'forget'>): void {
    const uid = `${name}-${generation}`
    this.ledger.forget(key(name, uid))
    const plain = this.state.get(name)
    if (plain?.uid === uid) delete plain.pending
  }
  expire({ now }: Do<'expire'>): void {
    this.ledger.expire(now)
    for (const plain of this.state.values()) if (plain.pending && plain.pending.expires <= now) delete plain.pending
  }

  #at(name: string, uid: string): Plain {
    const found = this.state.get(name)
    const plain = found?.uid === uid ? found : { uid }
    this.state.set(name, plain)
    return plain
  }
}

test('whatever happens in whatever order, it says what a recount from scratch says', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60, size: 'max' }), (events) => {
      const both = new Both()
      for (const e of events) {
        both[e.do](e as never)
        for (const h of HOSTS) expect(both.ledger.usage(h)).toEqual(recount(both.state, h))
      }
      for (const [n, { seen, pending }] of both.state) {
        expect(both.ledger.hostOf('ns', n)).toBe(pending?.host ?? seen?.status?.host)
      }
      expect(both.ledger.pending).toBe([...both.state.values()].filter((p) => p.pending).length)
    }),
    { numRuns: 300 },
  )
})
