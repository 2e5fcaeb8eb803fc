import { expect, it } from 'vitest'
import { FakeClock } from '../kube/testing/fake-clock.ts'
import type { LibvirtSession, LibvirtState } from './components.ts'
import { watchLibvirtConnection } from './libvirt-connection.ts'

type Connection = NonNullable<LibvirtSession['connection']>

function watchFakeSession() {
  const clock = new FakeClock()
  const libvirt: LibvirtState = { away: false, firstAway: Promise.withResolvers() }
  const reports: string[] = []
  const stop = new AbortController()
  let resync = (): unknown => undefined
  let cut = (): void => undefined
  const session: { connection: Connection | undefined; onResync: LibvirtSession['onResync'] } = {
    connection: undefined,
    onResync(handler) {
      resync = () => handler({ generation: 1, reason: 'connected', previous: undefined })
      return () => void (resync = () => undefined)
    },
  }
  const connect = (): void => {
    const { promise, resolve } = Promise.withResolvers<never>()
    session.connection = { closed: promise } as unknown as Connection
    cut = () => {
      session.connection = undefined
      resolve(undefined as never)
    }
    resync()
  }
  const watch = (): void =>
    watchLibvirtConnection(
      { session: session as LibvirtSession, libvirt, kube: { clock } },
      {
        onBack: async () => void reports.push('back'),
        onAway: () => void reports.push('away'),
        signal: stop.signal,
      },
    )
  return { clock, libvirt, reports, stop, watch, connect, cut: () => cut() }
}

it('watchLibvirtConnection reports no loss when libvirtd only restarts', async () => {
  const { clock, reports, libvirt, watch, connect, cut } = watchFakeSession()
  watch()
  connect()
  cut()
  await clock.advance(9_000)
  connect()
  await clock.advance(60_000)
  expect([reports, libvirt.away]).toEqual([['back', 'back'], false])
})

it('watchLibvirtConnection reports a lasting loss once, and the return', async () => {
  const { clock, reports, libvirt, watch, connect, cut } = watchFakeSession()
  watch()
  connect()
  await clock.advance(60_000)
  cut()
  await clock.advance(10_000)
  expect([reports, libvirt.away]).toEqual([['back', 'away'], true])
  await libvirt.firstAway.promise
  await clock.advance(60_000)
  connect()
  expect([reports, libvirt.away]).toEqual([['back', 'away', 'back'], false])
})

it('watchLibvirtConnection reports a loss when libvirt is unreachable from the start', async () => {
  const { clock, reports, watch } = watchFakeSession()
  watch()
  await clock.advance(10_000)
  expect(reports).toEqual(['away'])
})

it('watchLibvirtConnection reports nothing after its signal has aborted', async () => {
  const { clock, reports, watch, connect, cut, stop } = watchFakeSession()
  watch()
  connect()
  stop.abort()
  cut()
  await clock.advance(60_000)
  expect([reports, clock.pending]).toEqual([['back'], 0])
})
