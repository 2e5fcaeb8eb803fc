import { expect, it } from 'vitest'
import { FakeHost } from '../test/fakes/host.ts'
import { Life } from '../test/fakes/life.ts'
import { actions } from './index.ts'
import { powerOffGuest } from './power-off.ts'
import { guestOf, runOn, UID } from './testing.ts'

const { signal } = new AbortController()

async function runningHost(obeys: boolean): Promise<FakeHost> {
  const host = new FakeHost()
  await runOn(host, { action: actions.create })
  host.machine(UID).obeysPowerButton = obeys
  return host
}

it('is done at once when the guest powers off', async () => {
  const [host, life] = [await runningHost(true), new Life()]
  const { domains } = host.connect(life)
  expect(await powerOffGuest({ domains, guest: guestOf(), leftMs: 60_000, signal })).toEqual({ done: true })
  expect(host.observe(UID)).toEqual({ power: 'off', reason: 'shutdown' })
  expect(life.effects).toEqual(['domains.requestShutdown web'])
})

it.each([
  [60_000, 5000],
  [3000, 3000],
])('asks to be called again when %s ms are left after %s ms', async (leftMs, checkAfterMs) => {
  const { domains } = (await runningHost(false)).connect()
  expect(await powerOffGuest({ domains, guest: guestOf(), leftMs, signal })).toEqual({ done: false, checkAfterMs })
})

it('takes the power away when the time is over', async () => {
  const [host, life] = [await runningHost(false), new Life()]
  const { domains } = host.connect(life)
  expect(await powerOffGuest({ domains, guest: guestOf(), leftMs: 0, signal })).toEqual({ done: true })
  expect(host.observe(UID)).toEqual({ power: 'off', reason: 'destroyed' })
  expect(life.effects).toEqual(['domains.destroy web'])
})

it('does nothing when the domain is off', async () => {
  const [host, life] = [await runningHost(true), new Life()]
  host.turnDomainOff(UID, 'shutdown')
  const { domains } = host.connect(life)
  expect(await powerOffGuest({ domains, guest: guestOf(), leftMs: 60_000, signal })).toEqual({ done: true })
  expect(life.effects).toEqual([])
})
