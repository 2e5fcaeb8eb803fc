import { describe, expect, it } from 'vitest'
import { Refused, type Server } from '../../crds/index.ts'
import { secretRetryDelay } from './user-data.ts'

describe('secretRetryDelay', () => {
  const waitedFor = (seconds: number, code: Refused['code'] = 'UserDataSecretNotFound') => {
    const lastTransitionTime = '2026-01-01T00:00:00Z'
    const conditions = [{ type: 'Scheduled', status: 'False' as const, reason: code, message: '', lastTransitionTime }]
    const now = Date.parse(lastTransitionTime) + seconds * 1000
    return secretRetryDelay(new Refused(code, 'm'), { status: { conditions } } as Server, now)
  }

  it('is half of the time that the server has been waiting, at least 200 ms and at most a minute', () => {
    expect(waitedFor(0)).toBe(200)
    expect(waitedFor(20)).toBe(10_000)
    expect(waitedFor(3600)).toBe(60_000)
  })

  it('is undefined for a reason that an event tells the end of', () => {
    expect(waitedFor(0, 'FlavorNotFound')).toBeUndefined()
  })
})
