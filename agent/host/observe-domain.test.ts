import { describe, expect, it } from 'vitest'
import type { ObservedDomain } from '../../actions/host/index.ts'
import { observeStarted } from './observe-domain.ts'

describe('observeStarted', () => {
  it('waits until a restored domain has resumed', async () => {
    const states: ObservedDomain[] = [
      { power: 'paused', reason: 'migrating' },
      { power: 'paused', reason: 'migrating' },
      { power: 'running', reason: 'restored' },
    ]
    const observe = async (): Promise<ObservedDomain> => states.shift() ?? { power: 'missing' }
    expect(await observeStarted(observe, 'u1', AbortSignal.timeout(5000))).toEqual({
      power: 'running',
      reason: 'restored',
    })
  })

  it('does not wait for a domain that a user has paused', async () => {
    const paused: ObservedDomain = { power: 'paused', reason: 'user' }
    const observe = async (): Promise<ObservedDomain> => paused
    expect(await observeStarted(observe, 'u1', AbortSignal.timeout(5000))).toEqual(paused)
  })

  it('rejects when its signal aborts', async () => {
    const observe = async (): Promise<ObservedDomain> => ({ power: 'paused', reason: 'migrating' })
    await expect(observeStarted(observe, 'u1', AbortSignal.timeout(100))).rejects.toThrow('aborted')
  })
})
