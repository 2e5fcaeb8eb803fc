// Tests cases in which other libvirt clients hang.
import { describe, expect, it, vi } from 'vitest'
import { type Connection, domainEvents, openConnection, openSession, proc, type Subscription } from './index.ts'
import { isCall, startFakeDaemon } from './testing/fake-daemon.ts'

const { connectDomainEventCallbackRegisterAny: register, connectDomainEventCallbackDeregisterAny: deregister } = proc
const dom = { name: 'd', uuid: '00000000-0000-0000-0000-000000000001', id: 1 }
const event = { callbackId: 1, dom, event: 2, detail: 0 }

describe('openConnection', () => {
  it.each(['authList', 'connectSupportsFeature', 'connectOpen'] as const)(
    'fails when the daemon hangs up at %s',
    async (name) => {
      await using daemon = await startFakeDaemon()
      daemon.hangUpAt = proc[name]
      await expect(openConnection(daemon.uri)).rejects.toMatchObject({
        name: 'ConnectionError',
        code: 'lost',
        sent: true,
      })
      await vi.waitUntil(() => daemon.peers.size === 0)
    },
  )
})

async function startDaemonWithEvents() {
  return startFakeDaemon((peer, message) => {
    if (isCall(message, deregister)) {
      for (let i = 0; i < 50; i += 1) peer.event(domainEvents.lifecycle, event)
      return peer.reply(message, deregister, {})
    }
    peer.reply(message, register, { callbackId: 1 })
    for (let i = 0; i < 50; i += 1) peer.event(domainEvents.lifecycle, event)
  })
}

describe('an event handler', () => {
  it.each<[string, (connection: Connection, subscription: Subscription) => Promise<void>]>([
    ['the subscription', (_connection, subscription) => subscription.close()],
    ['the connection', (connection) => connection.close()],
  ])('may close %s, and is not called again', async (_what, close) => {
    await using daemon = await startDaemonWithEvents()
    await using connection = await openConnection(daemon.uri)
    const subscribed = Promise.withResolvers<Subscription>()
    const ended = Promise.withResolvers<void>()
    let seen = 0
    const handler = async () => {
      seen += 1
      await close(connection, await subscribed.promise)
      ended.resolve()
    }
    subscribed.resolve(await connection.on(domainEvents.lifecycle, handler))
    await ended.promise
    for (const peer of daemon.peers) peer.event(domainEvents.lifecycle, event)
    if (connection.alive) await connection.on(domainEvents.reboot, () => {})
    expect(seen).toBe(1)
  })
})

describe('a session whose connection is cut during calls 200 times', () => {
  it('settles every call and reconnects with its events each time', async () => {
    let registered = 0
    await using daemon = await startFakeDaemon((peer, message) => {
      if (!isCall(message, register)) return peer.reply(message, proc.connectGetLibVersion, { version: 1n })
      registered += 1
      peer.reply(message, register, { callbackId: 1 })
      peer.event(domainEvents.lifecycle, { ...event, detail: registered })
    })
    await using session = openSession({ uri: daemon.uri, backoff: { minMs: 1, maxMs: 1 } })
    const seen: number[] = []
    await session.on(domainEvents.lifecycle, ({ detail }) => void seen.push(detail))
    for (let round = 1; round <= 200; round += 1) {
      await vi.waitUntil(() => seen.length === round, { interval: 1 })
      const calls = Array.from({ length: 20 }, () => session.call(proc.connectGetLibVersion, {}))
      await calls[0]
      for (const { socket } of daemon.peers) socket.destroy()
      const settled = await Promise.allSettled(calls)
      for (const call of settled)
        if (call.status === 'rejected') expect(call.reason).toMatchObject({ name: 'ConnectionError', code: 'lost' })
      expect(settled.at(-1)?.status).toBe('rejected')
    }
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  }, 30_000)
})

describe('a deadline longer than any timer', () => {
  it('does not expire at once', async () => {
    const warnings: string[] = []
    const listener = ({ name }: Error) => void warnings.push(name)
    process.on('warning', listener)
    const answers: (() => void)[] = []
    await using daemon = await startFakeDaemon((peer, message) => {
      answers.push(() => peer.reply(message, proc.connectGetLibVersion, { version: 1n }))
    })
    await using connection = await openConnection(daemon.uri)
    const patient = connection.call(proc.connectGetLibVersion, {}, { timeoutMs: 2 ** 40 })
    const quick = connection.call(proc.connectGetLibVersion, {}, { timeoutMs: 30 })
    await expect(quick).rejects.toMatchObject({ name: 'DeadlineError', sent: true })
    answers[0]?.()
    expect(await patient).toEqual({ version: 1n })
    process.off('warning', listener)
    expect(warnings).toEqual([])
  })
})
