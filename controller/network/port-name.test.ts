import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatIP, type IP, parseIP } from './ip.ts'
import { type PortNaming, portNameFor } from './port-name.ts'

const naming = (name: string, addressOrMac: string, namespace = 'ns'): PortNaming => ({
  network: { namespace: 'ns', name },
  namespace,
  addressOrMac: parseIP(addressOrMac) ?? addressOrMac,
})

test.each([
  ['10.0.0.5', 'ns', 'lan-10-0-0-5'],
  ['2001:db8::5', 'ns', 'lan-2001-0db8-0000-0000-0000-0000-0000-0005'],
  ['fa:16:3e:0a:1b:2c', 'ns', 'lan-fa163e-0a1b2c'],
  ['10.0.0.5', 'other', 'lan-10-0-0-5-7bfba6e002'],
])('portNameFor: %s on ns/lan, for a port in %s, is %s', (addressOrMac, namespace, name) => {
  expect(portNameFor(naming('lan', addressOrMac, namespace))).toBe(name)
})

const DNS_1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

describe('portNameFor with a long network name', () => {
  test.each([200, 241, 242, 245, 253])(
    'gives a name of at most 253 characters when the network name has %d',
    (length) => {
      const name = portNameFor(naming('a'.repeat(length), '10.0.0.5'))
      expect(name.length).toBeLessThanOrEqual(253)
      expect(name).toMatch(/-10-0-0-5$/)
      expect(name).toMatch(DNS_1123)
    },
  )
  test('keeps the whole network name when the port name has at most 252 characters, and otherwise shortens it to 253', () => {
    expect(portNameFor(naming('a'.repeat(243), '10.0.0.5'))).toBe(`${'a'.repeat(243)}-10-0-0-5`)
    expect(portNameFor(naming('a'.repeat(244), '10.0.0.5'))).toMatch(/^a{227}-[0-9a-f]{16}-10-0-0-5$/)
  })
  test('gives a valid name when the cut is at a dot or a dash', () => {
    for (const fill of ['a.', 'a-', 'a--', 'b.c-']) {
      for (let pad = 0; pad < 4; pad++) {
        const long = `${'x'.repeat(pad)}${fill.repeat(200)}`.slice(0, 252)
        const name = portNameFor(naming(`${long}z`, '2001:db8::5'))
        expect(name).toHaveLength(253)
        if (DNS_1123.test(`${long}z`)) expect(name).toMatch(DNS_1123)
      }
    }
  })
})

const word = fc.constantFrom('a', 'lan', '10', '0', '5', 'fa163e', '0a1b2c', '0db8', '0000', '2001', 'z')
const networkName = fc.oneof(
  fc.array(word, { minLength: 1, maxLength: 9 }).map((words) => words.join('-')),
  fc.array(word, { minLength: 1, maxLength: 9 }).map((words) => `${words.join('-')}${'-a'.repeat(110)}`),
)
const byte = fc.constantFrom(0, 5, 10, 255)
const group = fc.constantFrom('0', '5', '10', '2001', 'db8', 'fa16')
const addressOrMac: fc.Arbitrary<IP | string> = fc.oneof(
  fc.tuple(byte, byte, byte, byte).map((b) => parseIP(b.join('.'))!),
  fc.array(group, { minLength: 8, maxLength: 8 }).map((g) => parseIP(g.join(':'))!),
  fc.array(fc.constantFrom('fa', '16', '3e', '0a', '10', '00'), { minLength: 6, maxLength: 6 }).map((g) => g.join(':')),
)
const arbitraryNaming = fc.record({
  network: fc.record({ namespace: fc.constantFrom('ns', 'infra', 'infra-10-0-0-5'), name: networkName }),
  namespace: fc.constant('ns'),
  addressOrMac,
})
const identityOf = ({ network, addressOrMac }: PortNaming) =>
  `${network.namespace}/${network.name} ${typeof addressOrMac === 'string' ? addressOrMac : formatIP(addressOrMac)}`

test('portNameFor gives two pairs of network and address the same name only when they are equal', () => {
  fc.assert(
    fc.property(arbitraryNaming, arbitraryNaming, (a, b) => {
      expect(portNameFor(a) === portNameFor(b)).toBe(identityOf(a) === identityOf(b))
    }),
    { numRuns: 3000 },
  )
})

test('portNameFor gives as many names as there are pairs of network and address', () => {
  fc.assert(
    fc.property(fc.array(arbitraryNaming, { minLength: 100, maxLength: 200 }), (list) => {
      const names = new Set(list.map(portNameFor))
      expect(names.size).toBe(new Set(list.map(identityOf)).size)
      for (const name of names) expect(name).toMatch(DNS_1123)
    }),
    { numRuns: 50 },
  )
})
