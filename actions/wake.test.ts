import { describe, expect, it } from 'vitest'
import { FakeHost } from '../test/fakes/host.ts'
import { actions } from './index.ts'
import { unpauseAndPowerOff } from './power-off.ts'
import { guestOf, runOn, UID } from './testing.ts'
import { wakeGuest } from './wake.ts'

const { signal } = new AbortController()

async function newSleepingHost({ obeysWakeUp }: { obeysWakeUp: boolean }): Promise<FakeHost> {
  const host = new FakeHost()
  await runOn(host, { action: actions.create })
  const machine = host.machine(UID)
  Object.assign(machine, { obeysWakeUp })
  Object.assign(machine.domain ?? {}, { state: 'pmsuspended', reason: 'unknown' })
  return host
}
const wake = (host: FakeHost, elapsedMs: number) =>
  wakeGuest({ domains: host.connect().domains, guest: guestOf(), elapsedMs, signal })

describe('wakeGuest', () => {
  it('is done when the guest is awake', async () => {
    const host = await newSleepingHost({ obeysWakeUp: true })
    expect(await wake(host, 0)).toEqual({ done: true })
    expect(host.observe(UID).power).toBe('running')
  })

  it('asks to be called again while the guest still sleeps', async () => {
    const host = await newSleepingHost({ obeysWakeUp: false })
    expect(await wake(host, 29_999)).toEqual({ done: false, checkAfterMs: 1000 })
  })

  it('refuses when the guest does not wake up in time, and leaves it asleep', async () => {
    const host = await newSleepingHost({ obeysWakeUp: false })
    expect(await wake(host, 30_000)).toEqual({
      refused: {
        reason: 'GuestSleeps',
        message:
          'the guest was told to wake up and still sleeps after 30 s; its memory is kept; wake it again, or boot it anew with a ServerAction with action: reboot and type: HARD, which loses its memory',
      },
    })
    expect(host.observe(UID).power).toBe('pmsuspended')
  })
})

it.each(['start', 'unpause'] as const)('%s ends with a reason when the guest does not wake up', async (name) => {
  const host = await newSleepingHost({ obeysWakeUp: false })
  await expect(runOn(host, { action: actions[name] })).rejects.toMatchObject({ code: 'GuestSleeps' })
  expect(host.machine(UID).boots).toHaveLength(1)
})

describe('unpauseAndPowerOff', () => {
  const powerOff = (host: FakeHost, leftMs: number) =>
    unpauseAndPowerOff({ domains: host.connect().domains, guest: guestOf(), leftMs, signal })

  it('asks the guest to power off only when it is awake', async () => {
    const host = await newSleepingHost({ obeysWakeUp: false })
    expect(await powerOff(host, 60_000)).toEqual({ done: false, checkAfterMs: 1000 })
    host.machine(UID).obeysWakeUp = true
    expect(await powerOff(host, 59_000)).toEqual({ done: true })
    expect(host.observe(UID)).toEqual({ power: 'off', reason: 'shutdown' })
  })

  it('takes the power of a guest that does not wake up in time', async () => {
    const host = await newSleepingHost({ obeysWakeUp: false })
    expect(await powerOff(host, 0)).toEqual({ done: true })
    expect(host.observe(UID)).toEqual({ power: 'off', reason: 'destroyed' })
  })
})
