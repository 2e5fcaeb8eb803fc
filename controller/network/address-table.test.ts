import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Server } from '../../crds/index.ts'
import { AddressTable } from './address-table.ts'
import { Allocations } from './allocations.ts'
import { parseIP } from './ip.ts'
import { portNameFor } from './port-name.ts'
import { makeNetwork, makePort, makeSubnet } from './testing.ts'

const small = makeSubnet('10.0.0.0/29', { gateway: '10.0.0.1' })
const dual = makeNetwork([
  makeSubnet('10.0.0.0/24', { gateway: '10.0.0.1' }),
  makeSubnet('2001:db8::/64', { gateway: '2001:db8::1' }),
])

function makeTable(network = makeNetwork([small]), quarantineMs = 60) {
  const t = new AddressTable(quarantineMs)
  t.setNetwork(network)
  return t
}
/**
 * Makes a Port as the controller creates it for a server. The Port's name contains the address, and so reserves the
 * address: the API server accepts each name only once.
 */
const makeCreatedPort = (address: string, overrides = {}) => {
  const network = { namespace: 'ns', name: 'lan' }
  return makePort(portNameFor({ network, namespace: 'ns', addressOrMac: parseIP(address)! }), {
    allocated: [address],
    server: 'web',
    ...overrides,
  })
}
const ownerName = (t: AddressTable, address: string) => t.ownerOf(parseIP(address)!)?.name

describe('AddressTable.reserve', () => {
  test('gives the lowest free address of each subnet, and throws with numbers when none is left', () => {
    expect(makeTable(dual).reserve([], 0, 9)).toEqual(['10.0.0.2', '2001:db8::2'])
    const t = makeTable()
    expect([1, 2, 3, 4].map(() => t.reserve([], 0, 9)[0])).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'])
    expect(() => t.reserve([], 0, 9)).toThrow(
      expect.objectContaining({
        kind: 'Transient',
        code: 'NoFreeAddress',
        message:
          'network ns/lan has no free address in 10.0.0.0/29: 4 of 4 are in use; delete servers or ports that are not needed, or give the subnet more pools',
      }),
    )
  })
  test('gives a requested address in any spelling, beside one of the other subnet', () => {
    expect(makeTable(dual).reserve(['2001:DB8:0::9'], 0, 9)).toEqual(['10.0.0.2', '2001:db8::9'])
    expect(makeTable(dual).reserveExactly(['2001:DB8:0::9'], 9)).toEqual(['2001:db8::9'])
  })
  test('throws for a requested address that is not allowed, and leaves nothing reserved', () => {
    const t = makeTable(dual)
    t.observe(makePort('p', { allocated: ['2001:db8::9'] }), 0)
    expect(() => t.reserve(['2001:db8::9'], 0, 9)).toThrow(
      expect.objectContaining({
        kind: 'Refused',
        code: 'AddressInUse',
        message: '2001:db8::9 is allocated to Port ns/p: ask for another address',
      }),
    )
    expect(() => t.reserve(['10.0.0.1'], 0, 9)).toThrow(expect.objectContaining({ code: 'AddressReserved' }))
    expect(() => t.reserve(['10.0.0.7', '10.0.0.8'], 0, 9)).toThrow(
      expect.objectContaining({ code: 'TooManyAddresses' }),
    )
    expect(t.subnetUsage(0)).toEqual({ total: 252, used: 0 })
    expect(t.reserve([], 0, 9)).toEqual(['10.0.0.2', '2001:db8::2'])
  })
  test('gives a port the address that its own spec asks for, and no port an address that another has reserved', () => {
    const t = makeTable(dual)
    t.observe(makePort('mine', { requested: ['10.0.0.9'] }), 0)
    expect(t.reserveExactly(['10.0.0.9'], 9, 'uid-mine')).toEqual(['10.0.0.9'])
    const [reserved] = t.reserve([], 0, 9)
    expect(() => t.reserveExactly([reserved!], 9)).toThrow(
      expect.objectContaining({ kind: 'Transient', code: 'AddressInUse' }),
    )
  })
  test('gives no address on a network without subnets', () => {
    expect(makeTable(makeNetwork([])).reserve([], 0, 9)).toEqual([])
    expect(() => makeTable(makeNetwork([])).reserve(['10.0.0.5'], 0, 9)).toThrow(
      expect.objectContaining({ code: 'AddressOutsideSubnets' }),
    )
  })
})

describe('AddressTable', () => {
  test('turns a reservation into a reference when the Port is seen, and frees the address after a quarantine when the Port is gone', () => {
    const t = makeTable()
    const [address] = t.reserve([], 0, 9)
    t.observe(makePort('a', { allocated: [address!] }), 1)
    expect(t.expire(100)).toEqual([])
    expect(t.subnetUsage(0).used).toBe(1)
    t.remove(makePort('a'), 2)
    expect(t.subnetUsage(0).used).toBe(0)
    expect(t.reserve([], 3, 99)).toEqual(['10.0.0.3'])
    expect(t.reserve([], 62, 99)).toEqual(['10.0.0.2'])
  })
  test('keeps an address free that a Port of another namespace asks for, until it is allocated', () => {
    const t = makeTable()
    const foreign = { namespace: 'other', network: { name: 'lan', namespace: 'ns' } }
    t.observe(makePort('a', { ...foreign, requested: ['10.0.0.2'] }), 0)
    expect(t.subnetUsage(0).used).toBe(0)
    expect(t.reserve([], 0, 9)).toEqual(['10.0.0.2'])
    t.observe(makePort('a', { ...foreign, requested: ['10.0.0.3'], allocated: ['10.0.0.3'] }), 1)
    expect(t.reserve([], 1, 9)).toEqual(['10.0.0.4'])
  })
  test('frees a reservation when it is released or expires', () => {
    const t = makeTable()
    t.reserve([], 0, 9)
    t.reserve([], 0, 20)
    t.release('10.0.0.2', 1, false)
    expect(t.reserve([], 1, 30)).toEqual(['10.0.0.2'])
    expect(t.expire(20)).toEqual(['10.0.0.3'])
    expect(t.subnetUsage(0).used).toBe(1)
  })
  test('gives a reserved address again to the same reserver only', () => {
    const t = makeTable()
    expect(t.reserve([], 0, 9, 'a')).toEqual(['10.0.0.2'])
    expect(t.reserve([], 1, 10, 'b')).toEqual(['10.0.0.3'])
    expect(t.reserve([], 2, 11, 'a')).toEqual(['10.0.0.2'])
    expect(t.reserve(['10.0.0.2'], 2, 11, 'a')).toEqual(['10.0.0.2'])
    expect(() => t.reserve(['10.0.0.2'], 2, 11, 'b')).toThrow(expect.objectContaining({ kind: 'Transient' }))
    expect(t.subnetUsage(0).used).toBe(2)
    expect(t.expire(10)).toEqual(['10.0.0.3'])
  })
  test('keeps the address and the MAC of a guest in use when its Port is deleted', () => {
    const t = makeTable()
    const ip = parseIP('10.0.0.2')!
    t.observe(makePort('a', { allocated: ['10.0.0.2'] }), 0)
    t.addGuest([ip], 'fa:16:3e:00:00:01')
    t.remove(makePort('a'), 1)
    expect([t.subnetUsage(0).used, t.isMacOrphaned('fa:16:3e:00:00:01')]).toEqual([1, true])
    expect(() => t.reserve(['10.0.0.2'], 2, 9)).toThrow(expect.objectContaining({ code: 'AddressInUse' }))
    t.removeGuest([ip], 'fa:16:3e:00:00:01', 3)
    expect([t.subnetUsage(0).used, t.isMacUsed('fa:16:3e:00:00:01')]).toEqual([0, false])
    expect(t.reserve(['10.0.0.2'], 4, 9)).toEqual(['10.0.0.2'])
  })
  test('does not give away an address from which DHCP still answers older guests after the Network has changed', () => {
    const allocations = new Allocations()
    const t = allocations.tableOf('ns/lan')
    const fixedIP = { address: '10.0.0.2', prefixLength: 29, dhcp: true, dhcpAddress: '10.0.0.5' }
    const nic = { network: 'lan', networkNamespace: 'ns', macAddress: 'fa:16:3e:00:00:01', fixedIPs: [fixedIP] }
    const server = { status: { instance: { interfaces: [nic] } } } as unknown as Server
    t.setNetwork(makeNetwork([{ ...small, dnsServers: ['10.0.0.6'] }]))
    allocations.observeServer(undefined, server, 0)
    expect(t.describeUser(parseIP('10.0.0.5')!)).toBeUndefined()

    t.setNetwork(makeNetwork([small]))
    expect([1, 2].map(() => t.reserve([], 1, 9)[0])).toEqual(['10.0.0.3', '10.0.0.4'])
    expect(() => t.reserve([], 1, 9)).toThrow(expect.objectContaining({ code: 'NoFreeAddress' }))
    expect(() => t.reserve(['10.0.0.5'], 1, 9)).toThrow(
      'DHCP answers from 10.0.0.5 on hosts with servers that are older than the last change of the network, until those end: ask for another address',
    )
    allocations.observeServer(server, undefined, 2)
    expect(t.reserve(['10.0.0.5'], 3, 9)).toEqual(['10.0.0.5'])
  })
  test('describes what has an address, but no Port that only asks for it', () => {
    const t = makeTable()
    const ip = parseIP('10.0.0.2')!
    expect(t.describeUser(ip)).toBeUndefined()
    t.observe(makePort('a', { requested: ['10.0.0.2'] }), 0)
    expect(t.describeUser(ip)).toBeUndefined()
    t.observe(makePort('b', { allocated: ['10.0.0.2'] }), 0)
    expect(t.describeUser(ip)).toBe('Port ns/b')
    t.addGuest([ip], 'fa:16:3e:00:00:01')
    t.remove(makePort('b'), 1)
    expect(t.describeUser(ip)).toBe('a server whose Port was deleted')
    expect([t.reserve([], 2, 9), t.describeUser(parseIP('10.0.0.3')!)]).toEqual([
      ['10.0.0.3'],
      'a Port that is about to be created',
    ])
  })
  test('counts Ports that were seen before their Network', () => {
    const t = new AddressTable()
    expect(t.observe(makePort('a', { allocated: ['10.0.0.2'] }), 0)).toEqual([])
    t.setNetwork(makeNetwork([small]))
    expect(t.subnetUsage(0)).toEqual({ total: 4, used: 1 })
    expect(t.reserve([], 0, 9)).toEqual(['10.0.0.3'])
  })
  test('returns the other Ports with the same address from observe', () => {
    const t = makeTable()
    const [a, b] = [makePort('a', { allocated: ['10.0.0.2'] }), makePort('b', { allocated: ['10.0.0.2', '10.0.0.3'] })]
    expect(t.observe(a, 0)).toEqual([])
    expect(t.observe(b, 0)).toEqual(['ns/a'])
    expect(t.observe(b, 0)).toEqual(['ns/a'])
    t.remove(a, 1)
    expect(t.observe(b, 2)).toEqual([])
  })
  test('keeps reservations when the pools of the network change', () => {
    const t = makeTable()
    const first = t.reserve([], 0, 9)
    t.setNetwork(makeNetwork([makeSubnet('10.0.0.0/28', { gateway: '10.0.0.1' })]))
    expect(t.subnetUsage(0)).toEqual({ total: 12, used: 1 })
    expect(t.reserve([], 0, 9)).not.toEqual(first)
  })
  test('follows a Port that gets other addresses than it asked for, and one that is created anew under the same name', () => {
    const t = makeTable()
    t.observe(makePort('a', { requested: ['10.0.0.2'] }), 0)
    t.observe(makePort('a', { requested: ['10.0.0.2'], allocated: ['10.0.0.3'] }), 0)
    expect([ownerName(t, '10.0.0.2'), ownerName(t, '10.0.0.3')]).toEqual([undefined, 'a'])
    t.observe(makePort('a', { uid: 'new', allocated: ['10.0.0.4'] }), 0)
    t.remove(makePort('a'), 0)
    expect([ownerName(t, '10.0.0.3'), ownerName(t, '10.0.0.4')]).toEqual([undefined, 'a'])
    t.remove(makePort('a', { uid: 'new' }), 0)
    expect(t.subnetUsage(0).used).toBe(0)
  })
  test('counts a MAC as used until the last of several Ports with it is gone', () => {
    const t = makeTable()
    t.observe(makePort('a', { mac: 'fa:16:3e:00:00:01' }), 0)
    t.observe(makePort('b', { mac: 'fa:16:3e:00:00:01' }), 0)
    t.remove(makePort('a'), 0)
    expect(t.isMacUsed('fa:16:3e:00:00:01')).toBe(true)
    t.remove(makePort('b'), 0)
    expect(t.isMacUsed('fa:16:3e:00:00:01')).toBe(false)
  })
})

describe('AddressTable with two Ports that have one address', () => {
  const old = '2026-01-01T00:00:00Z'
  const young = '2026-01-02T00:00:00Z'
  test.each([
    [
      'the older one',
      [
        makePort('a', { allocated: ['10.0.0.2'], created: young }),
        makePort('b', { allocated: ['10.0.0.2'], created: old }),
      ],
      'b',
    ],
    [
      'the one with the lesser uid when both are of the same age',
      [
        makePort('a', { requested: ['10.0.0.2'], created: old }),
        makePort('b', { allocated: ['10.0.0.2'], created: old }),
      ],
      'a',
    ],
    [
      'the one whose name reserves the address',
      [makePort('a', { allocated: ['10.0.0.2'], created: old }), makeCreatedPort('10.0.0.2', { created: young })],
      'lan-10-0-0-2',
    ],
    [
      'the older one when a user gave the other the reserving name',
      [
        makePort('a', { allocated: ['10.0.0.2'], created: old }),
        { ...makeCreatedPort('10.0.0.2', { created: young }), spec: { network: { name: 'lan' } } },
      ],
      'a',
    ],
  ])('makes the owner %s, in whatever order they are seen', (_, ports, owner) => {
    for (const order of [ports, ports.toReversed()]) {
      const t = makeTable()
      for (const p of order) t.observe(p, 0)
      expect(ownerName(t, '10.0.0.2')).toBe(owner)
      for (const p of ports) {
        const conflict = t.conflictingOwner(p)
        if (p.metadata.name === owner) expect(conflict).toBeUndefined()
        else expect(conflict).toMatchObject({ address: '10.0.0.2', owner: { name: owner } })
      }
      t.remove(ports.find((p) => p.metadata.name === owner)!, 0)
      expect(ownerName(t, '10.0.0.2')).not.toBe(owner)
      expect(t.subnetUsage(0).used).toBe(1)
    }
  })
})

test('Allocations keeps networks of the same name in two namespaces apart', () => {
  const all = new Allocations()
  for (const namespace of ['ns', 'infra'])
    all.tableOf(`${namespace}/lan`).setNetwork(makeNetwork([small], { namespace }))
  all.observe(makePort('a', { allocated: ['10.0.0.2'], network: { name: 'lan', namespace: 'infra' } }), 0)
  expect(all.tableOf('infra/lan').subnetUsage(0).used).toBe(1)
  expect(all.tableOf('ns/lan').subnetUsage(0).used).toBe(0)
  all.remove(makePort('a', { network: { name: 'lan', namespace: 'infra' } }), 0)
  expect(all.tableOf('infra/lan').subnetUsage(0).used).toBe(0)
})

test('Allocations.expire returns the networks where reservations expired', () => {
  const all = new Allocations()
  for (const namespace of ['ns', 'infra'])
    all.tableOf(`${namespace}/lan`).setNetwork(makeNetwork([small], { namespace }))
  all.tableOf('ns/lan').reserve([], 0, 9)
  expect(all.expire(8)).toEqual([])
  expect(all.expire(9)).toEqual(['ns/lan'])
  expect(all.expire(9)).toEqual([])
})

const operation = fc.oneof(
  fc.record({ do: fc.constant('reserve' as const) }),
  fc.record({ do: fc.constant('createPort' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('release' as const), pick: fc.nat(), quarantine: fc.boolean() }),
  fc.record({ do: fc.constant('deletePort' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('reserveRequested' as const), octet: fc.integer({ min: 0, max: 15 }) }),
)
type Operation = typeof operation extends fc.Arbitrary<infer O> ? O : never

class Model {
  readonly table = makeTable(makeNetwork([makeSubnet('10.0.0.0/28', { gateway: '10.0.0.1' })]), 5)
  readonly reserved = new Set<string>()
  readonly ports = new Map<string, string>()
  now = 0

  get used(): Set<string> {
    return new Set([...this.reserved, ...this.ports.values()])
  }
  #pick<T>(items: Iterable<T>, at: number): T | undefined {
    const all = [...items]
    return all[at % Math.max(1, all.length)]
  }
  reserve(): void {
    const before = this.used
    try {
      const [address] = this.table.reserve([], this.now, Infinity)
      expect(before).not.toContain(address)
      expect(['10.0.0.0', '10.0.0.1', '10.0.0.14', '10.0.0.15']).not.toContain(address)
      this.reserved.add(address!)
    } catch (error) {
      expect(error).toMatchObject({ code: 'NoFreeAddress' })
      expect(before.size).toBe(12)
    }
  }
  createPort({ pick }: { pick: number }): void {
    const address = this.#pick(this.reserved, pick)
    if (address === undefined) return
    this.reserved.delete(address)
    this.ports.set(`p-${address}`, address)
    this.table.observe(makePort(`p-${address}`, { allocated: [address] }), this.now)
  }
  release({ pick, quarantine }: { pick: number; quarantine: boolean }): void {
    const address = this.#pick(this.reserved, pick)
    if (address === undefined) return
    this.reserved.delete(address)
    this.table.release(address, this.now, quarantine)
  }
  deletePort({ pick }: { pick: number }): void {
    const name = this.#pick(this.ports.keys(), pick)
    if (name === undefined) return
    this.ports.delete(name)
    this.table.remove(makePort(name), this.now)
  }
  reserveRequested({ octet }: { octet: number }): void {
    const address = `10.0.0.${octet}`
    try {
      this.table.reserve([address], this.now, Infinity)
      expect(this.used).not.toContain(address)
      this.reserved.add(address)
    } catch (error) {
      const { code } = error as { code: string }
      if (code === 'AddressInUse') expect(this.used).toContain(address)
      else expect([0, 1, 14, 15]).toContain(octet)
    }
  }
}

test('AddressTable.reserve never gives a used or unusable address, and throws only when all are in use, after any operations', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80, size: 'max' }), (operations: Operation[]) => {
      const model = new Model()
      for (const o of operations) {
        model.now++
        model[o.do](o as never)
        expect(model.table.subnetUsage(0).used).toBe(model.used.size)
      }
    }),
    { numRuns: 300 },
  )
})

test('AddressTable gives the remaining addresses of a /16 with 60,000 Ports one by one', () => {
  const t = makeTable(makeNetwork([makeSubnet('10.1.0.0/16', { gateway: '10.1.0.1' })]))
  const addressAt = (n: number) => `10.1.${n >> 8}.${n & 255}`
  for (let n = 2; n < 60_002; n++) t.observe(makePort(`p${n}`, { allocated: [addressAt(n)] }), 0)
  expect(t.subnetUsage(0)).toEqual({ total: 65_532, used: 60_000 })
  for (let n = 60_002; n < 65_534; n++) expect(t.reserve([], 0, 9)).toEqual([addressAt(n)])
  expect(() => t.reserve([], 0, 9)).toThrow('65532 of 65532 are in use')
})
