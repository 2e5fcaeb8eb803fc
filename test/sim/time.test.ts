import { expect, it } from 'vitest'
import { ProcessClock, Time } from './time.ts'

it('Time advances when a delay is too small to change its value', () => {
  const time = new Time()
  const clock = new ProcessClock(time, { name: 'c1', isDead: false, isFrozen: false })
  time.advanceTo(109_159.02395521154)
  const before = clock.now()
  clock.timer(7.275957614183426e-12, () => undefined)
  time.fireNext()
  expect(clock.now()).toBeGreaterThan(before)
})
