import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatIP, type IP, parseIP } from './ip.ts'
import { type PortNaming, portName } from './port-name.ts'

const naming = (name: string, of: string, namespace = 'ns'): PortNaming => ({
  network: { namespace: 'ns', name },
  namespace,
  of: parseIP(of) ?? of,
})

test.each([
  ['10.0.0.5', 'ns', 'lan-10-0-0-5'],
  ['2001:db8::5', 'ns', 'lan-2001-0db8-0000-0000-0000-0000-0000-0005'],
  ['fa:16:3e:0a:1b:2c', 'ns', 'lan-fa163e-0a1b2c'],
  ['10.0.0.5', 'other', 'lan-10-0-0-5-7bfba6e002'],
])('%s on ns/lan, for a port in %s, is %s', (of, namespace, name) => {
  expect(portName(naming('lan', of, namespace))).toBe(name)
})

const DNS_1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

describe('a long name of a network', () => {
  test.each([200, 241, 242, 245, 253])('of %d characters gives a name of at most 253', (length) => {
    const name = portName(naming('a'.repeat(length), '10.0.0.5'))
    expect(name.length).toBeLessThanOrEqual(253)
    expect(name).toMatch(/-10-0-0-5$/)
    expect(name).toMatch(DNS_1123)
  })
  test('is kept whole up to 252 characters; 253 are for those that are cut', () => {
    expect(portName(naming('a'.repeat(243), '10.0.0.5'))).toBe(`${'a'.repeat(243)}-10-0-0-5`)
    expect(portName(naming('a'.repeat(244), '10.0.0.5'))).toMatch(/^a{227}-[0-9a-f]{16}-10-0-0-5$/)
  })
  test('cut where a dot or a dash would be left over', () => {
    for (const fill of ['a.', 'a-', 'a--', 'b.c-']) {
      for (let pad = 0; pad < 4; pad++) {
        const long = `${'x'.repeat(pad)}${fill.repeat(200)}`.slice(0, 252)
        const name = portName(naming(`${long}z`, '2001:db8::5'))
        expect(name).toHaveLength(253)
        if (DNS_1123.test(`${long}z`)) expect(name).toMatch(DNS_1123)
      }
    }
  })
})

// Names that look like the ends of other names: the worst that a user can choose.
const word = fc.constantFrom('a', 'lan', '10', '0', '5', 'fa163e', '0a1b2c', '0db8', '0000', '2001', 'z')
const networkName = fc.oneof(
  fc.array(word, { minLength: 1, maxLength: 9 }).map((words) => words.join('-')),
  fc.array(word, { minLength: 1, maxLength: 9 }).map((words) => `${words.join('-')}${'-a'.repeat(110)}`),
)
const byte = fc.constantFrom(0, 5, 10, 255)
const group = fc.constantFrom('0', '5', '10', '2001', 'db8', 'fa16')
const of: fc.Arbitrary<IP | string> = fc.oneof(
  fc.tuple(byte, byte, byte, byte).map((b) => parseIP(b.join('.'))!),
  fc.array(group, { minLength: 8, maxLength: 8 }).map((g) => parseIP(g.join(':'))!),
  fc.array(fc.constantFrom('fa', '16', '3e', '0a', '10', '00'), { minLength: 6, maxLength: 6 }).map((g) => g.join(':')),
)
const anything = fc.record({
  network: fc.record({ namespace: fc.constantFrom('ns', 'infra', 'infra-10-0-0-5'), name: networkName }),
  namespace: fc.constant('ns'),
  of,
})
const identity = ({ network, of }: PortNaming) =>
  `${network.namespace}/${network.name} ${typeof of === 'string' ? of : formatIP(of)}`

test('two networks or two addresses never have the same name', () => {
  fc.assert(
    fc.property(anything, anything, (a, b) => {
      expect(portName(a) === portName(b)).toBe(identity(a) === identity(b))
    }),
    { numRuns: 3000 },
  )
})

test('many at once: as many names as there are pairs', () => {
  fc.assert(
    fc.property(fc.array(anything, { minLength: 100, maxLength: 200 }), (list) => {
      const names = new Set(list.map(portName))
      expect(names.size).toBe(new Set(list.map(identity)).size)
      for (const name of names) expect(name).toMatch(DNS_1123)
    }),
    { numRuns: 50 },
  )
})
