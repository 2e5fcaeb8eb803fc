// Where other clients of libvirt have hung: an opening that is cut, a handler that ends its own subscription amid events, a
// deadline that no timer can hold. Each must end. See also hangs.rig.test.ts.
import { describe, expect, it, vi } from 'vitest'
import { type Connection, connect, domainEvents, openSession, proc, type Subscription } from './index.ts'
import { fakeDaemon, isCall } from './testing/fake-daemon.ts'

const { connectDomainEventCallbackRegisterAny: register, connectDomainEventCallbackDeregisterAny: deregister } = proc
const dom = { name: 'd', uuid: '00000000-0000-0000-0000-000000000001', id: 1 }
const event = { callbackId: 1, dom, event: 2, detail: 0 }

describe('a daemon that goes away while it is connected to', () => {
  it.each(['authList', 'connectSupportsFeature', 'connectOpen'] as const)('at %s', async (name) => {
    await using daemon = await fakeDaemon()
    daemon.hangUpAt = proc[name]
    await expect(connect(daemon.uri)).rejects.toMatchObject({ name: 'ConnectionError', code: 'lost', sent: true })
    await vi.waitUntil(() => daemon.peers.size === 0)
  })
})

/** A daemon that sends events until it is asked to stop, without a pause between. */
async function chattyDaemon() {
  return fakeDaemon((peer, message) => {
    if (isCall(message, deregister)) {
      for (let i = 0; i < 50; i += 1) peer.event(domainEvents.lifecycle, event)
      return peer.reply(message, deregister, {})
    }
    peer.reply(message, register, { callbackId: 1 })
    for (let i = 0; i < 50; i += 1) peer.event(domainEvents.lifecycle, event)
  })
}

describe('amid events', () => {
  it.each<[string, (connection: Connection, subscription: Subscription) => Promise<void>]>([
    ['the subscription', (_connection, subscription) => subscription.close()],
    ['the connection', (connection) => connection.close()],
  ])('a handler may close %s, and hears nothing after that', async (_what, close) => {
    await using daemon = await chattyDaemon()
    await using connection = await connect(daemon.uri)
    const subscribed = Promise.withResolvers<Subscription>()
    const ended = Promise.withResolvers<void>()
    let heard = 0
    const handler = async () => {
      heard += 1
      await close(connection, await subscribed.promise)
      ended.resolve()
    }
    subscribed.resolve(await connection.on(domainEvents.lifecycle, handler))
    await ended.promise
    for (const peer of daemon.peers) peer.event(domainEvents.lifecycle, event)
    if (connection.alive) await connection.on(domainEvents.reboot, () => {})
    expect(heard).toBe(1)
  })
})

describe('a session whose connection is cut amid calls, again and again', () => {
  it('settles every call and comes back with its events each time', async () => {
    let registered = 0
    await using daemon = await fakeDaemon((peer, message) => {
      if (!isCall(message, register)) return peer.reply(message, proc.connectGetLibVersion, { version: 1n })
      registered += 1
      peer.reply(message, register, { callbackId: 1 })
      peer.event(domainEvents.lifecycle, { ...event, detail: registered })
    })
    await using session = openSession({ uri: daemon.uri, backoff: { minMs: 1, maxMs: 1 } })
    const heard: number[] = []
    await session.on(domainEvents.lifecycle, ({ detail }) => void heard.push(detail))
    for (let round = 1; round <= 200; round += 1) {
      await vi.waitUntil(() => heard.length === round, { interval: 1 })
      const calls = Array.from({ length: 20 }, () => session.call(proc.connectGetLibVersion, {}))
      await calls[0]
      for (const { socket } of daemon.peers) socket.destroy()
      const settled = await Promise.allSettled(calls)
      for (const call of settled)
        if (call.status === 'rejected') expect(call.reason).toMatchObject({ name: 'ConnectionError', code: 'lost' })
      expect(settled.at(-1)?.status).toBe('rejected')
    }
    expect(heard).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  }, 30_000)
})

describe('deadlines', () => {
  it('longer than a timer can wait do not ring at once', async () => {
    const warnings: string[] = []
    const listener = ({ name }: Error) => void warnings.push(name)
    process.on('warning', listener)
    const answers: (() => void)[] = []
    await using daemon = await fakeDaemon((peer, message) => {
      answers.push(() => peer.reply(message, proc.connectGetLibVersion, { version: 1n }))
    })
    await using connection = await connect(daemon.uri)
    const patient = connection.call(proc.connectGetLibVersion, {}, { timeoutMs: 2 ** 40 })
    const quick = connection.call(proc.connectGetLibVersion, {}, { timeoutMs: 30 })
    await expect(quick).rejects.toMatchObject({ name: 'DeadlineError', sent: true })
    answers[0]?.()
    expect(await patient).toEqual({ version: 1n })
    process.off('warning', listener)
    expect(warnings).toEqual([])
  })
})
