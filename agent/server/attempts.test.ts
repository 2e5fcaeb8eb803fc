import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ActionName } from '../../actions/index.ts'
import { createAttempts } from './attempts.ts'
import type { Planned } from './plan.ts'
import type { Failure } from './status.ts'

const planned = (action: ActionName = 'start', id = 'm'): Planned => ({ action, params: {}, id })
const failure: Failure = { code: 'LibvirtError', message: 'busy', final: false }

function attemptsAt(options: { max?: number; baseMs?: number; maxMs?: number } = {}) {
  let now = 0
  const restart = { baseMs: 10, maxMs: 100, calmMs: 1000 }
  const attempts = createAttempts({ max: 3, baseMs: 100, maxMs: 1000, restart, ...options }, () => now)
  return { attempts, pass: (ms: number) => void (now += ms) }
}

describe('attempts', () => {
  it('a passing error is final at the last try, and before that it is not', () => {
    const { attempts } = attemptsAt()
    const judged = [1, 2, 3].map(() => attempts.judge('u', planned(), failure))
    expect(judged.map(({ final }) => final)).toEqual([false, false, true])
    expect(judged[2]).toEqual({ ...failure, final: true, refuse: false })
  })

  it('a creation is then refused by this host, and only then', () => {
    const { attempts } = attemptsAt({ max: 2 })
    expect(attempts.judge('u', planned('create'), failure)).toEqual(failure)
    expect(attempts.judge('u', planned('create'), failure)).toMatchObject({ final: true, refuse: true })
  })

  it('what is final is so at once, and is nobody’s refusal', () => {
    const { attempts } = attemptsAt()
    const final = { ...failure, final: true }
    expect(attempts.judge('u', planned('create'), final)).toBe(final)
    expect(attempts.hold('u', planned()).ms).toBe(0)
  })

  it('a deletion is tried for ever', () => {
    const { attempts } = attemptsAt()
    for (let i = 0; i < 50; i++) expect(attempts.judge('u', planned('delete'), failure).final).toBe(false)
  })

  it('what libvirt is needed for waits for it, but for a creation, which another host may do', () => {
    const { attempts } = attemptsAt({ max: 2 })
    const away: Failure = { code: 'LibvirtUnreachable', message: 'no connection', final: false }
    for (let i = 0; i < 50; i++) expect(attempts.judge('u', planned('stop'), away).final).toBe(false)
    const created = [1, 2].map(() => attempts.judge('v', planned('create'), away).final)
    expect(created).toEqual([false, true])
  })

  it('what restores a server is tried for ever: nobody asked for it who could be told', () => {
    const { attempts } = attemptsAt({ max: 2 })
    const late: Failure = { code: 'BridgeMissing', message: 'no bridge', final: false }
    const restoring: Planned = { ...planned('start'), restores: true }
    for (let i = 0; i < 50; i++) expect(attempts.judge('u', restoring, late).final).toBe(false)
    expect(attempts.judge('u', restoring, { ...late, final: true }).final).toBe(true)
  })

  it('how often libvirt was away does not count', () => {
    const { attempts } = attemptsAt({ max: 2 })
    for (const code of ['LibvirtUnreachable', 'LibvirtBusy'] as const)
      for (let i = 0; i < 10; i++) attempts.judge('u', planned('stop'), { code, message: 'away', final: false })
    expect([1, 2].map(() => attempts.judge('u', planned('stop'), failure).final)).toEqual([false, true])
  })

  it('another action of the server, and another server, count anew', () => {
    const { attempts } = attemptsAt({ max: 2 })
    attempts.judge('u', planned('start', 'a'), failure)
    expect(attempts.judge('u', planned('start', 'b'), failure).final).toBe(false)
    expect(attempts.judge('v', planned('start', 'b'), failure).final).toBe(false)
    expect(attempts.hold('u', planned('start', 'a')).ms).toBe(0)
  })

  it('what is forgotten begins anew', () => {
    const { attempts } = attemptsAt({ max: 2 })
    attempts.judge('u', planned(), failure)
    attempts.ended('u', planned())
    expect(attempts.hold('u', planned()).ms).toBe(0)
    expect(attempts.judge('u', planned(), failure).final).toBe(false)
  })

  it('holds twice as long each time, up to the longest', () => {
    const { attempts, pass } = attemptsAt({ max: 99 })
    const holds = [1, 2, 3, 4, 5, 6].map(() => {
      attempts.judge('u', planned(), failure)
      return attempts.hold('u', planned()).ms
    })
    expect(holds).toEqual([100, 200, 400, 800, 1000, 1000])
    pass(999)
    expect(attempts.hold('u', planned()).ms).toBe(1)
    pass(1)
    expect(attempts.hold('u', planned()).ms).toBe(0)
  })

  describe('what restores a server', () => {
    const restores: Planned = { ...planned(), restores: true }

    it('is done at once, and then later each time, up to the longest', () => {
      const { attempts, pass } = attemptsAt()
      const holds = [1, 2, 3, 4, 5, 6, 7].map(() => {
        const { ms, restarts } = attempts.hold('u', restores)
        pass(ms)
        attempts.ended('u', restores)
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

    it('is done at once where what was restored has lasted as long as it would have to wait', () => {
      const { attempts, pass } = attemptsAt()
      attempts.ended('u', restores)
      pass(10)
      expect(attempts.hold('u', restores)).toEqual({ ms: 0 })
    })

    it('begins anew after a time of calm, for another server, and when the server is deleted', () => {
      const { attempts, pass } = attemptsAt()
      attempts.ended('u', restores)
      expect(attempts.hold('v', restores).ms).toBe(0)
      attempts.ended('u', restores)
      expect(attempts.hold('u', restores).restarts).toEqual({ count: 2, delayMs: 20 })
      pass(1000)
      expect(attempts.hold('u', restores).ms).toBe(0)
      attempts.ended('u', restores)
      expect(attempts.hold('u', restores).restarts).toEqual({ count: 1, delayMs: 10 })
      attempts.ended('u', planned('delete'))
      expect(attempts.hold('u', restores).ms).toBe(0)
    })

    it('alone waits: what somebody asks for does not; and a restart that failed counts as a failure', () => {
      const { attempts } = attemptsAt()
      attempts.ended('u', restores)
      expect(attempts.hold('u', planned()).ms).toBe(0)
      attempts.ended('v', restores, { ...failure, final: true })
      expect(attempts.hold('v', restores).ms).toBe(0)
      attempts.judge('u', restores, failure)
      expect(attempts.hold('u', restores)).toEqual({ ms: 100 })
    })
  })

  it('never holds longer than the longest, however often it failed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 5000 }), (tries, baseMs) => {
        const { attempts } = attemptsAt({ max: 1000, baseMs, maxMs: 60_000 })
        for (let i = 0; i < tries; i++) attempts.judge('u', planned(), failure)
        expect(attempts.hold('u', planned()).ms).toBeGreaterThan(0)
        expect(attempts.hold('u', planned()).ms).toBeLessThanOrEqual(60_000)
      }),
    )
  })
})
