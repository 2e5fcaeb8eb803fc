import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AddressTable, Allocations } from './allocations.ts'
import { parseIP } from './ip.ts'
import { portName } from './port-name.ts'
import { network, port, subnet } from './testing.ts'

const small = subnet('10.0.0.0/29', { gateway: '10.0.0.1' })
const dual = network([
  subnet('10.0.0.0/24', { gateway: '10.0.0.1' }),
  subnet('2001:db8::/64', { gateway: '2001:db8::1' }),
])

function table(of = network([small]), restMs = 60) {
  const t = new AddressTable(restMs)
  t.setNetwork(of)
  return t
}
const auto = (address: string, words = {}) =>
  port(portName({ network: { namespace: 'ns', name: 'lan' }, namespace: 'ns', of: parseIP(address)! }), {
    given: [address],
    server: 'web',
    ...words,
  })
const owner = (t: AddressTable, address: string) => t.owner(parseIP(address)!)?.name

describe('taking', () => {
  test('one of each subnet, the lowest free; until there is none, and says so with numbers', () => {
    expect(table(dual).take([], 0, 9)).toEqual(['10.0.0.2', '2001:db8::2'])
    const t = table()
    expect([1, 2, 3, 4].map(() => t.take([], 0, 9)[0])).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'])
    expect(() => t.take([], 0, 9)).toThrow(
      expect.objectContaining({
        kind: 'Transient',
        code: 'NoFreeAddress',
        message:
          'network ns/lan has no free address in 10.0.0.0/29: 4 of 4 are in use; delete servers or ports that are not needed, or give the subnet more pools',
      }),
    )
  })
  test('a wish is met, in any spelling, and the other subnet gives one beside it', () => {
    expect(table(dual).take(['2001:DB8:0::9'], 0, 9)).toEqual(['10.0.0.2', '2001:db8::9'])
    expect(table(dual).takeOnly(['2001:DB8:0::9'], 9)).toEqual(['2001:db8::9'])
  })
  test('a wish that may not be: refused, and nothing stays held', () => {
    const t = table(dual)
    t.observe(port('p', { given: ['2001:db8::9'] }), 0)
    expect(() => t.take(['2001:db8::9'], 0, 9)).toThrow(
      expect.objectContaining({
        kind: 'Refused',
        code: 'AddressInUse',
        message: '2001:db8::9 is held by Port ns/p: ask for another address',
      }),
    )
    expect(() => t.take(['10.0.0.1'], 0, 9)).toThrow(expect.objectContaining({ code: 'AddressReserved' }))
    expect(() => t.take(['10.0.0.7', '10.0.0.8'], 0, 9)).toThrow(expect.objectContaining({ code: 'TooManyAddresses' }))
    expect(t.counts(0)).toEqual({ total: 252, used: 0 })
    expect(t.take([], 0, 9)).toEqual(['10.0.0.2', '2001:db8::2'])
  })
  test('a port may take what it claims itself; an address on hold is for later', () => {
    const t = table(dual)
    t.observe(port('mine', { asked: ['10.0.0.9'] }), 0)
    expect(t.takeOnly(['10.0.0.9'], 9, 'uid-mine')).toEqual(['10.0.0.9'])
    const [held] = t.take([], 0, 9)
    expect(() => t.takeOnly([held!], 9)).toThrow(expect.objectContaining({ kind: 'Transient', code: 'AddressInUse' }))
  })
  test('a network without subnets gives none', () => {
    expect(table(network([])).take([], 0, 9)).toEqual([])
    expect(() => table(network([])).take(['10.0.0.5'], 0, 9)).toThrow(
      expect.objectContaining({ code: 'AddressOutsideSubnets' }),
    )
  })
})

describe('what the cache shows', () => {
  test('a hold becomes the port’s; the port’s end frees it, after a rest', () => {
    const t = table()
    const [address] = t.take([], 0, 9)
    t.observe(port('a', { given: [address!] }), 1)
    expect(t.expire(100)).toEqual([])
    expect(t.counts(0).used).toBe(1)
    t.remove(port('a'), 2)
    expect(t.counts(0).used).toBe(0)
    expect(t.take([], 3, 99)).toEqual(['10.0.0.3'])
    expect(t.take([], 62, 99)).toEqual(['10.0.0.2'])
  })
  test('what another namespace asks for is free until it is given', () => {
    const t = table()
    const foreign = { namespace: 'other', network: { name: 'lan', namespace: 'ns' } }
    t.observe(port('a', { ...foreign, asked: ['10.0.0.2'] }), 0)
    expect(t.counts(0).used).toBe(0)
    expect(t.take([], 0, 9)).toEqual(['10.0.0.2'])
    t.observe(port('a', { ...foreign, asked: ['10.0.0.3'], given: ['10.0.0.3'] }), 1)
    expect(t.take([], 1, 9)).toEqual(['10.0.0.4'])
  })
  test('a hold whose port was not made is released, or expires', () => {
    const t = table()
    t.take([], 0, 9)
    t.take([], 0, 20)
    t.release('10.0.0.2', 1, false)
    expect(t.take([], 1, 30)).toEqual(['10.0.0.2'])
    expect(t.expire(20)).toEqual(['10.0.0.3'])
    expect(t.counts(0).used).toBe(1)
  })
  test('a hold is taken again by the same, and by nobody else', () => {
    const t = table()
    expect(t.take([], 0, 9, 'a')).toEqual(['10.0.0.2'])
    expect(t.take([], 1, 10, 'b')).toEqual(['10.0.0.3'])
    expect(t.take([], 2, 11, 'a')).toEqual(['10.0.0.2'])
    expect(t.take(['10.0.0.2'], 2, 11, 'a')).toEqual(['10.0.0.2'])
    expect(() => t.take(['10.0.0.2'], 2, 11, 'b')).toThrow(expect.objectContaining({ kind: 'Transient' }))
    expect(t.counts(0).used).toBe(2)
    expect(t.expire(10)).toEqual(['10.0.0.3'])
  })
  test('what a guest has is nobody else’s, whatever becomes of its port', () => {
    const t = table()
    const ip = parseIP('10.0.0.2')!
    t.observe(port('a', { given: ['10.0.0.2'] }), 0)
    t.lodge([ip], 'fa:16:3e:00:00:01')
    t.remove(port('a'), 1)
    expect([t.counts(0).used, t.isMacOrphaned('fa:16:3e:00:00:01')]).toEqual([1, true])
    expect(() => t.take(['10.0.0.2'], 2, 9)).toThrow(expect.objectContaining({ code: 'AddressInUse' }))
    t.leave([ip], 'fa:16:3e:00:00:01', 3)
    expect([t.counts(0).used, t.isMacUsed('fa:16:3e:00:00:01')]).toEqual([0, false])
    expect(t.take(['10.0.0.2'], 4, 9)).toEqual(['10.0.0.2'])
  })
  test('ports seen before their network count when it comes', () => {
    const t = new AddressTable()
    expect(t.observe(port('a', { given: ['10.0.0.2'] }), 0)).toEqual([])
    t.setNetwork(network([small]))
    expect(t.counts(0)).toEqual({ total: 4, used: 1 })
    expect(t.take([], 0, 9)).toEqual(['10.0.0.3'])
  })
  test('a port that has an address of others is told of them, and not of itself', () => {
    const t = table()
    const [a, b] = [port('a', { given: ['10.0.0.2'] }), port('b', { given: ['10.0.0.2', '10.0.0.3'] })]
    expect(t.observe(a, 0)).toEqual([])
    expect(t.observe(b, 0)).toEqual(['ns/a'])
    expect(t.observe(b, 0)).toEqual(['ns/a'])
    t.remove(a, 1)
    expect(t.observe(b, 2)).toEqual([])
  })
  test('pools that change: what is held stays held', () => {
    const t = table()
    const first = t.take([], 0, 9)
    t.setNetwork(network([subnet('10.0.0.0/28', { gateway: '10.0.0.1' })]))
    expect(t.counts(0)).toEqual({ total: 12, used: 1 })
    expect(t.take([], 0, 9)).not.toEqual(first)
  })
  test('a port that is given other addresses than it asked for, and is created anew under its name', () => {
    const t = table()
    t.observe(port('a', { asked: ['10.0.0.2'] }), 0)
    t.observe(port('a', { asked: ['10.0.0.2'], given: ['10.0.0.3'] }), 0)
    expect([owner(t, '10.0.0.2'), owner(t, '10.0.0.3')]).toEqual([undefined, 'a'])
    t.observe(port('a', { uid: 'new', given: ['10.0.0.4'] }), 0)
    t.remove(port('a'), 0)
    expect([owner(t, '10.0.0.3'), owner(t, '10.0.0.4')]).toEqual([undefined, 'a'])
    t.remove(port('a', { uid: 'new' }), 0)
    expect(t.counts(0).used).toBe(0)
  })
  test('MACs, each as often as it is used', () => {
    const t = table()
    t.observe(port('a', { mac: 'fa:16:3e:00:00:01' }), 0)
    t.observe(port('b', { mac: 'fa:16:3e:00:00:01' }), 0)
    t.remove(port('a'), 0)
    expect(t.isMacUsed('fa:16:3e:00:00:01')).toBe(true)
    t.remove(port('b'), 0)
    expect(t.isMacUsed('fa:16:3e:00:00:01')).toBe(false)
  })
})

describe('two ports, one address', () => {
  const old = '2026-01-01T00:00:00Z'
  const young = '2026-01-02T00:00:00Z'
  test.each([
    [
      'the older',
      [port('a', { given: ['10.0.0.2'], created: young }), port('b', { given: ['10.0.0.2'], created: old })],
      'b',
    ],
    [
      'of one age the lesser uid',
      [port('a', { asked: ['10.0.0.2'], created: old }), port('b', { given: ['10.0.0.2'], created: old })],
      'a',
    ],
    [
      'the one whose name is the claim',
      [port('a', { given: ['10.0.0.2'], created: old }), auto('10.0.0.2', { created: young })],
      'lan-10-0-0-2',
    ],
    [
      'not one that its user only named so',
      [
        port('a', { given: ['10.0.0.2'], created: old }),
        { ...auto('10.0.0.2', { created: young }), spec: { network: { name: 'lan' } } },
      ],
      'a',
    ],
  ])('%s has it, in whatever order they are seen', (_, ports, winner) => {
    for (const order of [ports, ports.toReversed()]) {
      const t = table()
      for (const p of order) t.observe(p, 0)
      expect(owner(t, '10.0.0.2')).toBe(winner)
      for (const p of ports) {
        const lost = t.loses(p)
        if (p.metadata.name === winner) expect(lost).toBeUndefined()
        else expect(lost).toMatchObject({ address: '10.0.0.2', to: { name: winner } })
      }
      t.remove(ports.find((p) => p.metadata.name === winner)!, 0)
      expect(owner(t, '10.0.0.2')).not.toBe(winner)
      expect(t.counts(0).used).toBe(1)
    }
  })
})

test('networks of one name in two namespaces are two', () => {
  const all = new Allocations()
  for (const namespace of ['ns', 'infra']) all.of(`${namespace}/lan`).setNetwork(network([small], { namespace }))
  all.observe(port('a', { given: ['10.0.0.2'], network: { name: 'lan', namespace: 'infra' } }), 0)
  expect(all.of('infra/lan').counts(0).used).toBe(1)
  expect(all.of('ns/lan').counts(0).used).toBe(0)
  all.remove(port('a', { network: { name: 'lan', namespace: 'infra' } }), 0)
  expect(all.of('infra/lan').counts(0).used).toBe(0)
})

test('of which networks holds have ended is told, for those who wait there', () => {
  const all = new Allocations()
  for (const namespace of ['ns', 'infra']) all.of(`${namespace}/lan`).setNetwork(network([small], { namespace }))
  all.of('ns/lan').take([], 0, 9)
  expect(all.expire(8)).toEqual([])
  expect(all.expire(9)).toEqual(['ns/lan'])
  expect(all.expire(9)).toEqual([])
})

const action = fc.oneof(
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constant('made' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('release' as const), pick: fc.nat(), rest: fc.boolean() }),
  fc.record({ do: fc.constant('gone' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('grab' as const), octet: fc.integer({ min: 0, max: 15 }) }),
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** The table and the sets that it should agree with. */
class Model {
  readonly table = table(network([subnet('10.0.0.0/28', { gateway: '10.0.0.1' })]), 5)
  readonly held = new Set<string>()
  readonly ports = new Map<string, string>()
  now = 0

  get used(): Set<string> {
    return new Set([...this.held, ...this.ports.values()])
  }
  #pick<T>(items: Iterable<T>, at: number): T | undefined {
    const all = [...items]
    return all[at % Math.max(1, all.length)]
  }
  take(): void {
    const before = this.used
    try {
      const [address] = this.table.take([], this.now, Infinity)
      expect(before).not.toContain(address)
      expect(['10.0.0.0', '10.0.0.1', '10.0.0.14', '10.0.0.15']).not.toContain(address)
      this.held.add(address!)
    } catch (error) {
      expect(error).toMatchObject({ code: 'NoFreeAddress' })
      expect(before.size).toBe(12)
    }
  }
  made({ pick }: { pick: number }): void {
    const address = this.#pick(this.held, pick)
    if (address === undefined) return
    this.held.delete(address)
    this.ports.set(`p-${address}`, address)
    this.table.observe(port(`p-${address}`, { given: [address] }), this.now)
  }
  release({ pick, rest }: { pick: number; rest: boolean }): void {
    const address = this.#pick(this.held, pick)
    if (address === undefined) return
    this.held.delete(address)
    this.table.release(address, this.now, rest)
  }
  gone({ pick }: { pick: number }): void {
    const name = this.#pick(this.ports.keys(), pick)
    if (name === undefined) return
    this.ports.delete(name)
    this.table.remove(port(name), this.now)
  }
  grab({ octet }: { octet: number }): void {
    const address = `10.0.0.${octet}`
    try {
      this.table.take([address], this.now, Infinity)
      expect(this.used).not.toContain(address)
      this.held.add(address)
    } catch (error) {
      const { code } = error as { code: string }
      if (code === 'AddressInUse') expect(this.used).toContain(address)
      else expect([0, 1, 14, 15]).toContain(octet)
    }
  }
}

test('whatever happens: never an address in use or reserved, and none only when all are in use', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80, size: 'max' }), (actions: Action[]) => {
      const model = new Model()
      for (const a of actions) {
        model.now++
        model[a.do](a as never)
        expect(model.table.counts(0).used).toBe(model.used.size)
      }
    }),
    { numRuns: 300 },
  )
})

test('a /16 with 60,000 ports gives out the rest one by one', () => {
  const t = table(network([subnet('10.1.0.0/16', { gateway: '10.1.0.1' })]))
  const at = (n: number) => `10.1.${n >> 8}.${n & 255}`
  for (let n = 2; n < 60_002; n++) t.observe(port(`p${n}`, { given: [at(n)] }), 0)
  expect(t.counts(0)).toEqual({ total: 65_532, used: 60_000 })
  for (let n = 60_002; n < 65_534; n++) expect(t.take([], 0, 9)).toEqual([at(n)])
  expect(() => t.take([], 0, 9)).toThrow('65532 of 65532 are in use')
})
