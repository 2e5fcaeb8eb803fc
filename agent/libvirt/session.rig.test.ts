import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { withHost } from '../../test/rig/vitest.ts'
import { ConnectionError, domainEvents, lifecycleEvent, openSession, proc, type Resync } from './index.ts'
import { emptyDomainXml, startEchoGuest } from './testing/guest.ts'

const host = withHost()

it('Session reconnects and gets events again each time libvirtd is killed during calls', async () => {
  await using session = openSession({ uri: host().uri, backoff: { minMs: 10, maxMs: 200 } })
  const resyncs: Resync[] = []
  const defined: string[] = []
  session.onResync((resync) => void resyncs.push(resync))
  await session.on(domainEvents.lifecycle, ({ dom, event }) => {
    if (event === lifecycleEvent.defined) defined.push(dom.name)
  })
  const { dom } = await startEchoGuest(session, join(host().home, 'guests'), 'survivor', randomUUID())
  for (let round = 1; round <= 3; round += 1) {
    const calls = Array.from({ length: 500 }, () =>
      session.call(proc.connectGetCapabilities, {}).then(
        () => 'ok',
        (error: unknown) => error,
      ),
    )
    await Promise.race(calls)
    await host().killLibvirtd()
    const bad = (await Promise.all(calls)).filter((result) => result !== 'ok')
    expect(bad.length).toBeGreaterThan(0)
    for (const error of bad) expect(error).toBeInstanceOf(ConnectionError)
    await host().startLibvirtd()
    await vi.waitUntil(() => session.generation === round + 1 && resyncs.length === round + 1, { timeout: 20_000 })
    expect(resyncs.at(-1)).toMatchObject({ generation: round + 1, reason: 'connected', previous: { code: 'lost' } })
    const name = `round-${round}`
    await session.call(proc.domainDefineXmlFlags, { xml: emptyDomainXml(name, randomUUID()) })
    await vi.waitUntil(() => defined.includes(name), { timeout: 5000 })
  }
  expect(await session.call(proc.domainLookupByUuid, { uuid: dom.uuid })).toEqual({ dom })
  expect(await session.call(proc.domainGetState, { dom })).toMatchObject({ state: 1 })
})
