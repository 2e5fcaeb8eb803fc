import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../kube/testing/fake-clock.ts'
import { DomainWatch } from './events.ts'

describe('DomainWatch.nextWithin', () => {
  it('resolves at the next event of the domain', async () => {
    const watch = new DomainWatch(() => undefined)
    const waits = watch.nextWithin('u1', 60_000, { clock: new FakeClock(), signal: new AbortController().signal })
    watch.notify('u1')
    await waits
  })

  it('resolves when the time is over, whatever happens to other domains', async () => {
    const [watch, clock] = [new DomainWatch(() => undefined), new FakeClock()]
    let isOver = false
    const waits = watch
      .nextWithin('u1', 60_000, { clock, signal: new AbortController().signal })
      .then(() => void (isOver = true))
    watch.notify('u2')
    await clock.advance(59_999)
    expect(isOver).toBe(false)
    await clock.advance(1)
    await waits
  })

  it('throws when it is told to give up', async () => {
    const [watch, stop] = [new DomainWatch(() => undefined), new AbortController()]
    const waits = watch.nextWithin('u1', 60_000, { clock: new FakeClock(), signal: stop.signal })
    stop.abort(new Error('the server is to be deleted'))
    await expect(waits).rejects.toThrow('to be deleted')
  })
})
