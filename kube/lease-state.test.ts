import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lease } from './builtin-kinds.ts'
import { decideLeaseAction, isExpired, isHolderDead, type LeaseObservation, observeLease } from './lease-state.ts'

const lease = (holderIdentity: string, renewTime: string, leaseDurationSeconds = 15): Lease => ({
  metadata: { name: 'l' },
  spec: { holderIdentity, renewTime, leaseDurationSeconds },
})

describe('observe and isExpired', () => {
  it('counts from when WE saw the lease change, whatever its own times say', () => {
    // renewTime lies years ahead, behind, or is nonsense: the writer's clock decides nothing.
    for (const time of ['1970-01-01T00:00:00.000000Z', '2999-01-01T00:00:00.000000Z', 'nonsense']) {
      const seen = observeLease(undefined, lease('a', time), 1_000)!
      expect(isExpired(observeLease(seen, lease('a', time), 15_999)!, 15_999)).toBe(false)
      expect(isExpired(observeLease(seen, lease('a', time), 16_000)!, 16_000)).toBe(true)
    }
  })

  it('a holder that renews in time never expires; one that stops expires exactly one duration after its last change', () => {
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

  it('an empty holder is nobody', () => {
    expect(observeLease(undefined, lease('', 'x'), 0)).toBeUndefined()
    expect(observeLease(undefined, undefined, 0)).toBeUndefined()
    expect(observeLease(undefined, { metadata: { name: 'l' } }, 0)).toBeUndefined()
  })
})

describe('decide', () => {
  const seen = (holder: string, since: number): LeaseObservation => ({
    holder,
    renewTime: 't',
    durationMs: 15_000,
    since,
  })
  it.each([
    ['no lease', undefined, undefined, 'create'],
    ['nobody holds it', lease('', 't'), undefined, 'take'],
    ['it is mine', lease('me', 't'), seen('me', 0), 'renew'],
    ['it is mine and expired', lease('me', 't'), seen('me', -99_000), 'renew'],
    ['another holds it', lease('you', 't'), seen('you', 4_000), { waitMs: 14_000 }],
    ['another held it', lease('you', 't'), seen('you', -10_000), 'take'],
  ])('%s', (_, l, s, move) => {
    expect(decideLeaseAction('me', l, s, 5_000)).toEqual(move)
  })
})

describe('isDead', () => {
  const sighting: LeaseObservation = { holder: 'host', renewTime: 't', durationMs: 40_000, since: 100_000 }
  it.each([
    ['silent for its duration while we heard others', { connectedSince: 0, lastContact: 140_000 }, 140_000, true],
    ['not yet', { connectedSince: 0, lastContact: 139_999 }, 139_999, false],
    [
      'nobody was heard since: our own connection may be dead',
      { connectedSince: 0, lastContact: 139_999 },
      200_000,
      false,
    ],
    ['we are cut off', { connectedSince: undefined, lastContact: 190_000 }, 200_000, false],
    [
      'we were cut off: everyone gets a whole duration again',
      { connectedSince: 150_000, lastContact: 189_000 },
      189_000,
      false,
    ],
    ['still silent a duration after we came back', { connectedSince: 150_000, lastContact: 190_000 }, 190_000, true],
    ['nothing was ever heard', { connectedSince: undefined, lastContact: undefined }, 900_000, false],
  ])('%s', (_, hearing, now, dead) => {
    expect(isHolderDead(sighting, hearing, now)).toBe(dead)
  })
})
