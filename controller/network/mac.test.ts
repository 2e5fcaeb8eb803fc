import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseIP } from './ip.ts'
import { macFor } from './mac.ts'

const free = () => false

test('of one address and network there is one MAC, of OpenStack’s base', () => {
  const mac = macFor('net-uid', parseIP('10.0.0.5')!, free)
  expect(mac).toMatch(/^fa:16:3e(:[0-9a-f]{2}){3}$/)
  expect(macFor('net-uid', parseIP('10.0.0.5')!, free)).toBe(mac)
  expect(macFor('other-uid', parseIP('10.0.0.5')!, free)).not.toBe(mac)
})

test('two addresses of one network that differ in their last 24 bits never have the same', () => {
  const bits = fc.bigInt(0n, 2n ** 24n - 1n)
  fc.assert(
    fc.property(fc.string(), bits, bits, (uid, a, b) => {
      const same = macFor(uid, { family: 4, value: a }, free) === macFor(uid, { family: 4, value: b }, free)
      expect(same).toBe(a === b)
    }),
  )
})

test('one that is taken is not given again: on a network of any kind', () => {
  for (const of of [parseIP('2001:db8::5')!, 'server-uid/0']) {
    const taken = new Set<string>()
    for (let i = 0; i < 50; i++) {
      const mac = macFor('net-uid', of, (m) => taken.has(m))!
      expect(taken.has(mac)).toBe(false)
      taken.add(mac)
    }
  }
})

test('none is left: said, not looped for ever', () => {
  expect(macFor('net-uid', 'seed', () => true)).toBeUndefined()
})
