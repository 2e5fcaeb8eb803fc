import { expect, it } from 'vitest'
import { FakeClock } from '../kube/testing/fake-clock.ts'
import { followLibvirt } from './absence.ts'
import type { LibvirtState, Link } from './components.ts'

type Connection = NonNullable<Link['connection']>

/** A session that this test connects and cuts. */
function bench() {
  const clock = new FakeClock()
  const libvirt: LibvirtState = { away: false, firstAway: Promise.withResolvers() }
  const told: string[] = []
  const stop = new AbortController()
  let resync = (): unknown => undefined
  let cut = (): void => undefined
  const session: { connection: Connection | undefined; onResync: Link['onResync'] } = {
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
  const follow = (): void =>
    followLibvirt(
      { session: session as Link, libvirt, kube: { clock } },
      {
        onBack: async () => void told.push('back'),
        onAway: () => void told.push('away'),
        signal: stop.signal,
      },
    )
  return { clock, libvirt, told, stop, follow, connect, cut: () => cut() }
}

it('a restart of libvirtd is nothing to tell of', async () => {
  const { clock, told, libvirt, follow, connect, cut } = bench()
  follow()
  connect()
  cut()
  await clock.advance(9_000)
  connect()
  await clock.advance(60_000)
  expect([told, libvirt.away]).toEqual([['back', 'back'], false])
})

it('one that stays away is, once, and that it is back', async () => {
  const { clock, told, libvirt, follow, connect, cut } = bench()
  follow()
  connect()
  await clock.advance(60_000)
  cut()
  await clock.advance(10_000)
  expect([told, libvirt.away]).toEqual([['back', 'away'], true])
  await libvirt.firstAway.promise
  await clock.advance(60_000)
  connect()
  expect([told, libvirt.away]).toEqual([['back', 'away', 'back'], false])
})

it('so is one that was not there from the first', async () => {
  const { clock, told, follow } = bench()
  follow()
  await clock.advance(10_000)
  expect(told).toEqual(['away'])
})

it('and nothing after the end', async () => {
  const { clock, told, follow, connect, cut, stop } = bench()
  follow()
  connect()
  stop.abort()
  cut()
  await clock.advance(60_000)
  expect([told, clock.pending]).toEqual([['back'], 0])
})
