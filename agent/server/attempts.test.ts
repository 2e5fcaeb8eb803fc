import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ActionName } from '../../actions/index.ts'
import { createAttempts } from './attempts.ts'
import type { Planned } from './plan.ts'
import type { Failure } from './status.ts'

const planned = (action: ActionName = 'start', id = 'm'): Planned => ({ action, params: {}, id })
const failure: Failure = { code: 'LibvirtError', message: 'busy', final: false }

function createTestAttempts(options: { max?: number; baseMs?: number; maxMs?: number } = {}) {
  let now = 0
  const restart = { baseMs: 10, maxMs: 100, calmMs: 1000 }
  const attempts = createAttempts({ max: 3, baseMs: 100, maxMs: 1000, restart, ...options }, () => now)
  return { attempts, pass: (ms: number) => void (now += ms) }
}

describe('Attempts', () => {
  it('countFailure makes a transient failure final at the last try only', () => {
    const { attempts } = createTestAttempts()
    const failures = [1, 2, 3].map(() => attempts.countFailure('u', planned(), failure))
    expect(failures.map(({ final }) => final)).toEqual([false, false, true])
    expect(failures[2]).toEqual({ ...failure, final: true, rejectsHost: false })
  })

  it('countFailure makes the host reject a creation at the last try only', () => {
    const { attempts } = createTestAttempts({ max: 2 })
    expect(attempts.countFailure('u', planned('create'), failure)).toEqual(failure)
    expect(attempts.countFailure('u', planned('create'), failure)).toMatchObject({ final: true, rejectsHost: true })
  })

  it('countFailure returns a final failure as it is, without a rejection', () => {
    const { attempts } = createTestAttempts()
    const final = { ...failure, final: true }
    expect(attempts.countFailure('u', planned('create'), final)).toBe(final)
    expect(attempts.backoffRemaining('u', planned()).ms).toBe(0)
  })

  it.each([
    ['create', true],
    ['start', false],
    ['rescue', false],
  ] as const)(
    'countFailure of a fault of the host makes the host reject the server when the action is %s: %s',
    (action, rejectsHost) => {
      const { attempts } = createTestAttempts()
      const missing: Failure = { code: 'ImageFileMissing', message: 'no file', final: true, rejectsHost: true }
      expect(attempts.countFailure('u', planned(action), missing)).toEqual({ ...missing, rejectsHost })
    },
  )

  it('countFailure never makes the failure of a deletion final', () => {
    const { attempts } = createTestAttempts()
    for (let i = 0; i < 50; i++) expect(attempts.countFailure('u', planned('delete'), failure).final).toBe(false)
  })

  it('countFailure makes the failure final while libvirt does not answer only for a creation', () => {
    const { attempts } = createTestAttempts({ max: 2 })
    const away: Failure = { code: 'LibvirtUnreachable', message: 'no connection', final: false }
    for (let i = 0; i < 50; i++) expect(attempts.countFailure('u', planned('stop'), away).final).toBe(false)
    const created = [1, 2].map(() => attempts.countFailure('v', planned('create'), away).final)
    expect(created).toEqual([false, true])
  })

  it('countFailure never makes a transient failure of a restoration final', () => {
    const { attempts } = createTestAttempts({ max: 2 })
    const late: Failure = { code: 'BridgeMissing', message: 'no bridge', final: false }
    const restoring: Planned = { ...planned('start'), restores: true }
    for (let i = 0; i < 50; i++) expect(attempts.countFailure('u', restoring, late).final).toBe(false)
    expect(attempts.countFailure('u', restoring, { ...late, final: true }).final).toBe(true)
  })

  it('countFailure does not count tries while libvirt does not answer or is busy', () => {
    const { attempts } = createTestAttempts({ max: 2 })
    for (const code of ['LibvirtUnreachable', 'LibvirtBusy'] as const)
      for (let i = 0; i < 10; i++) attempts.countFailure('u', planned('stop'), { code, message: 'away', final: false })
    expect([1, 2].map(() => attempts.countFailure('u', planned('stop'), failure).final)).toEqual([false, true])
  })

  it('countFailure counts LibvirtBusy for an action that limits its tries, and says at the last one what to do', () => {
    const { attempts } = createTestAttempts({ max: 2 })
    const busy: Failure = { code: 'LibvirtBusy', message: 'set-password: libvirt is busy', final: false }
    const counted = Array.from({ length: 10 }, () => attempts.countFailure('u', planned('changePassword'), busy))
    expect(counted.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => busy))
    expect(counted[9]).toMatchObject({
      code: 'LibvirtBusy',
      message:
        'set-password: libvirt is busy; given up after 10 tries: see on the host what libvirtd does with the domain (virsh domjobinfo), then request it again',
      final: true,
    })
  })

  it('countFailure counts each action and each server separately', () => {
    const { attempts } = createTestAttempts({ max: 2 })
    attempts.countFailure('u', planned('start', 'a'), failure)
    expect(attempts.countFailure('u', planned('start', 'b'), failure).final).toBe(false)
    expect(attempts.countFailure('v', planned('start', 'b'), failure).final).toBe(false)
    expect(attempts.backoffRemaining('u', planned('start', 'a')).ms).toBe(0)
  })

  it('recordEnd resets the count of failures', () => {
    const { attempts } = createTestAttempts({ max: 2 })
    attempts.countFailure('u', planned(), failure)
    attempts.recordEnd('u', planned())
    expect(attempts.backoffRemaining('u', planned()).ms).toBe(0)
    expect(attempts.countFailure('u', planned(), failure).final).toBe(false)
  })

  it('backoffRemaining doubles with each failure, up to the maximum', () => {
    const { attempts, pass } = createTestAttempts({ max: 99 })
    const holds = [1, 2, 3, 4, 5, 6].map(() => {
      attempts.countFailure('u', planned(), failure)
      return attempts.backoffRemaining('u', planned()).ms
    })
    expect(holds).toEqual([100, 200, 400, 800, 1000, 1000])
    pass(999)
    expect(attempts.backoffRemaining('u', planned()).ms).toBe(1)
    pass(1)
    expect(attempts.backoffRemaining('u', planned()).ms).toBe(0)
  })

  describe('backoffRemaining of a restoration', () => {
    const restores: Planned = { ...planned(), restores: true }

    it('is 0 at first, and doubles with each restart, up to the maximum', () => {
      const { attempts, pass } = createTestAttempts()
      const holds = [1, 2, 3, 4, 5, 6, 7].map(() => {
        const { ms, restarts } = attempts.backoffRemaining('u', restores)
        pass(ms)
        attempts.recordEnd('u', restores)
        return [ms, restarts?.count]
      })
      expect(holds).toEqual([
        [0, undefined],
        [10, 1],
        [20, 2],
        [40, 3],
        [80, 4],
        [100, 5],
        [100, 6],
      ])
    })

    it('is 0 when the restored domain has run as long as the delay', () => {
      const { attempts, pass } = createTestAttempts()
      attempts.recordEnd('u', restores)
      pass(10)
      expect(attempts.backoffRemaining('u', restores)).toEqual({ ms: 0 })
    })

    it('is reset after the calm time and by a deletion, and is separate for each server', () => {
      const { attempts, pass } = createTestAttempts()
      attempts.recordEnd('u', restores)
      expect(attempts.backoffRemaining('v', restores).ms).toBe(0)
      attempts.recordEnd('u', restores)
      expect(attempts.backoffRemaining('u', restores).restarts).toEqual({ count: 2, delayMs: 20 })
      pass(1000)
      expect(attempts.backoffRemaining('u', restores).ms).toBe(0)
      attempts.recordEnd('u', restores)
      expect(attempts.backoffRemaining('u', restores).restarts).toEqual({ count: 1, delayMs: 10 })
      attempts.recordEnd('u', planned('delete'))
      expect(attempts.backoffRemaining('u', restores).ms).toBe(0)
    })

    it('does not delay requested actions, and follows the failures of a failed restart', () => {
      const { attempts } = createTestAttempts()
      attempts.recordEnd('u', restores)
      expect(attempts.backoffRemaining('u', planned()).ms).toBe(0)
      attempts.recordEnd('v', restores, { ...failure, final: true })
      expect(attempts.backoffRemaining('v', restores).ms).toBe(0)
      attempts.countFailure('u', restores, failure)
      expect(attempts.backoffRemaining('u', restores)).toEqual({ ms: 100 })
    })
  })

  it('backoffRemaining never exceeds the maximum', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 5000 }), (tries, baseMs) => {
        const { attempts } = createTestAttempts({ max: 1000, baseMs, maxMs: 60_000 })
        for (let i = 0; i < tries; i++) attempts.countFailure('u', planned(), failure)
        expect(attempts.backoffRemaining('u', planned()).ms).toBeGreaterThan(0)
        expect(attempts.backoffRemaining('u', planned()).ms).toBeLessThanOrEqual(60_000)
      }),
    )
  })
})
