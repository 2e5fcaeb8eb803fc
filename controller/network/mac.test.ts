import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseIP } from './ip.ts'
import { generateMac } from './mac.ts'

const neverUsed = () => false

describe('generateMac', () => {
  test('gives one MAC with OpenStack’s base for each pair of address and network', () => {
    const mac = generateMac('net-uid', parseIP('10.0.0.5')!, neverUsed)
    expect(mac).toMatch(/^fa:16:3e(:[0-9a-f]{2}){3}$/)
    expect(generateMac('net-uid', parseIP('10.0.0.5')!, neverUsed)).toBe(mac)
    expect(generateMac('other-uid', parseIP('10.0.0.5')!, neverUsed)).not.toBe(mac)
  })

  test('gives different MACs to addresses of a network that differ in their last 24 bits', () => {
    const bits = fc.bigInt(0n, 2n ** 24n - 1n)
    fc.assert(
      fc.property(fc.string(), bits, bits, (uid, a, b) => {
        const [x, y] = [a, b].map((value) => generateMac(uid, { family: 4, value }, neverUsed))
        expect(x === y).toBe(a === b)
      }),
    )
  })

  test('does not give a MAC that is in use, whether for an address or for a seed', () => {
    for (const addressOrSeed of [parseIP('2001:db8::5')!, 'server-uid/0']) {
      const used = new Set<string>()
      for (let i = 0; i < 50; i++) {
        const mac = generateMac('net-uid', addressOrSeed, (m) => used.has(m))!
        expect(used.has(mac)).toBe(false)
        used.add(mac)
      }
    }
  })

  test('gives up when every MAC is in use', () => {
    expect(generateMac('net-uid', 'seed', () => true)).toBeUndefined()
  })
})
