import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lease } from './builtin-kinds.ts'
import { decideLeaseAction, isExpired, isHolderDead, type LeaseObservation, observeLease } from './lease-state.ts'

const lease = (holderIdentity: string, renewTime: string, leaseDurationSeconds = 15): Lease => ({
  metadata: { name: 'l' },
  spec: { holderIdentity, renewTime, leaseDurationSeconds },
})

describe('isExpired', () => {
  it('counts from when the observer saw the lease change, whatever the times in the lease say', () => {
    // The writer's clock must not matter.
    for (const time of ['1970-01-01T00:00:00.000000Z', '2999-01-01T00:00:00.000000Z', 'nonsense']) {
      const seen = observeLease(undefined, lease('a', time), 1_000)!
      expect(isExpired(observeLease(seen, lease('a', time), 15_999)!, 15_999)).toBe(false)
      expect(isExpired(observeLease(seen, lease('a', time), 16_000)!, 16_000)).toBe(true)
    }
  })

  it('is false while the holder renews in time, and true exactly one duration after its last renewal', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 14_999 }), { maxLength: 30 }),
        fc.array(fc.integer({ min: -1e12, max: 1e12 }), { minLength: 31, maxLength: 31 }),
        (gaps, clocks) => {
          let now = 0
          let seen: LeaseObservation | undefined
          let last = 0
          ;[0, ...gaps].forEach((gap, i) => {
            now += gap
            if (seen) expect(isExpired(seen, now)).toBe(false)
            const renewTime = `${i}:${clocks[i]}`
            seen = observeLease(seen, lease('a', renewTime), now)
            last = now
          })
          expect(isExpired(seen!, last + 14_999)).toBe(false)
          expect(isExpired(seen!, last + 15_000)).toBe(true)
        },
      ),
    )
  })

  it('observeLease returns undefined when the lease has no holder', () => {
    expect(observeLease(undefined, lease('', 'x'), 0)).toBeUndefined()
    expect(observeLease(undefined, undefined, 0)).toBeUndefined()
    expect(observeLease(undefined, { metadata: { name: 'l' } }, 0)).toBeUndefined()
  })
})

describe('decideLeaseAction', () => {
  const seen = (holder: string, since: number): LeaseObservation => ({
    holder,
    renewTime: 't',
    durationMs: 15_000,
    since,
  })
  it.each([
    ['creates a lease that does not exist', undefined, undefined, 'create'],
    ['takes a lease without a holder', lease('', 't'), undefined, 'take'],
    ['renews its own lease', lease('me', 't'), seen('me', 0), 'renew'],
    ['renews its own lease when it has expired', lease('me', 't'), seen('me', -99_000), 'renew'],
    ['waits while another holds the lease', lease('you', 't'), seen('you', 4_000), { waitMs: 14_000 }],
    ['takes a lease that has expired', lease('you', 't'), seen('you', -10_000), 'take'],
  ])('%s', (_, l, s, move) => {
    expect(decideLeaseAction('me', l, s, 5_000)).toEqual(move)
  })
})

describe('isHolderDead', () => {
  const observation: LeaseObservation = { holder: 'host', renewTime: 't', durationMs: 40_000, since: 100_000 }
  it.each([
    [
      'is true after a silence of the whole duration on a working watch',
      { connectedSince: 0, lastContact: 140_000 },
      140_000,
      true,
    ],
    ['is false before the duration has passed', { connectedSince: 0, lastContact: 139_999 }, 139_999, false],
    [
      'is false when the watch brought nothing since the lease expired',
      { connectedSince: 0, lastContact: 139_999 },
      200_000,
      false,
    ],
    ['is false while the watch is down', { connectedSince: undefined, lastContact: 190_000 }, 200_000, false],
    [
      'is false for a whole duration after the watch came back',
      { connectedSince: 150_000, lastContact: 189_000 },
      189_000,
      false,
    ],
    [
      'is true when the holder is silent for a whole duration after the watch came back',
      { connectedSince: 150_000, lastContact: 190_000 },
      190_000,
      true,
    ],
    ['is false when the watch never worked', { connectedSince: undefined, lastContact: undefined }, 900_000, false],
  ])('%s', (_, watchHealth, now, expected) => {
    expect(isHolderDead(observation, watchHealth, now)).toBe(expected)
  })
})
