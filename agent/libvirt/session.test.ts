import { describe, expect, it, vi } from 'vitest'
import { domainEvents, openSession, proc, type Resync } from './index.ts'
import { type FakePeer, isCall, startFakeDaemon } from './testing/fake-daemon.ts'
import type { Message } from './wire/header.ts'

const { connectDomainEventCallbackRegisterAny: register } = proc
const dom = { name: 'd', uuid: '00000000-0000-0000-0000-000000000001', id: 1 }
const backoff = { minMs: 1, maxMs: 5 }

function startDaemonWithEvents() {
  let registrations = 0
  return startFakeDaemon((peer, message) => {
    if (isCall(message, proc.connectGetLibVersion))
      return peer.reply(message, proc.connectGetLibVersion, { version: 1n })
    if (!isCall(message, register)) return
    registrations += 1
    peer.reply(message, register, { callbackId: registrations })
    peer.event(domainEvents.lifecycle, { callbackId: registrations, dom, event: 2, detail: registrations })
  })
}

describe('Session', () => {
  it('gives each connection a generation, all subscriptions, and a resync before its events', async () => {
    await using daemon = await startDaemonWithEvents()
    await using session = openSession({ uri: daemon.uri, backoff })
    const seen: string[] = []
    session.onResync(({ generation, reason, previous }) => void seen.push(`${generation} ${reason} ${previous?.code}`))
    await session.on(domainEvents.lifecycle, ({ detail }) => void seen.push(`event ${detail}`))
    await vi.waitUntil(() => seen.length === 2)
    expect(session.generation).toBe(1)
    await daemon.stop()
    await daemon.listen()
    await vi.waitUntil(() => seen.length === 4)
    expect(seen).toEqual(['1 connected undefined', 'event 1', '2 connected lost', 'event 2'])
    expect(session.connection?.generation).toBe(2)
  })

  it('lets a call wait for a connection until its deadline', async () => {
    await using daemon = await startDaemonWithEvents()
    await daemon.stop()
    await using session = openSession({ uri: daemon.uri, backoff })
    const tooEarly = await session.call(proc.connectGetLibVersion, {}, { timeoutMs: 20 }).catch((e: unknown) => e)
    expect(tooEarly).toMatchObject({ name: 'ConnectionError', code: 'unreachable', sent: false })
    expect((tooEarly as Error).cause).toMatchObject({ code: 'unreachable' })
    const patient = session.call(proc.connectGetLibVersion, {})
    await daemon.listen()
    expect(await patient).toEqual({ version: 1n })
  })

  it('does not repeat a call that was sent when the connection broke', async () => {
    let calls = 0
    await using daemon = await startFakeDaemon((peer) => {
      calls += 1
      peer.socket.destroy()
    })
    await using session = openSession({ uri: daemon.uri, backoff })
    const error = await session.call(proc.domainSuspend, { dom }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'lost', sent: true })
    await vi.waitUntil(() => session.generation === 2)
    expect(calls).toBe(1)
  })

  it('passes the error of an event that a later daemon refuses to onError, and keeps the other subscriptions', async () => {
    let refuse = false
    await using daemon = await startFakeDaemon((peer: FakePeer, message: Message) => {
      if (refuse) peer.refuse(message, { code: 3, message: 'no such event' })
      else peer.reply(message, register, { callbackId: 1 })
    })
    await using session = openSession({ uri: daemon.uri, backoff })
    await session.connected()
    const errors: unknown[] = []
    const onError = (error: unknown) => void errors.push(error)
    await session.on(domainEvents.memoryFailure, () => {}, { onError })
    refuse = true
    await daemon.stop()
    await daemon.listen()
    await vi.waitUntil(() => session.generation === 2)
    expect(errors).toMatchObject([{ code: 'VIR_ERR_NO_SUPPORT' }])
    await expect(session.on(domainEvents.memoryFailure, () => {})).rejects.toMatchObject({ code: 'VIR_ERR_NO_SUPPORT' })
  })

  it('calls the resync handlers when events were dropped', async () => {
    await using daemon = await startFakeDaemon((peer, message) => {
      peer.reply(message, register, { callbackId: 1 })
      for (let i = 0; i < 10; i += 1) peer.event(domainEvents.lifecycle, { callbackId: 1, dom, event: 2, detail: i })
    })
    await using session = openSession({ uri: daemon.uri, backoff })
    const resyncs: Resync[] = []
    session.onResync((resync) => void resyncs.push(resync))
    const { promise: never } = Promise.withResolvers<void>()
    await session.on(domainEvents.lifecycle, () => never, { limit: 3 })
    await vi.waitUntil(() => resyncs.some(({ reason }) => reason === 'overflow'))
    expect(resyncs[0]).toEqual({ generation: 1, reason: 'connected', previous: undefined })
    expect(resyncs.at(-1)).toEqual({ generation: 1, reason: 'overflow', previous: undefined })
  })

  it('fails waiting calls and connects no more when it is closed', async () => {
    await using daemon = await startDaemonWithEvents()
    await daemon.stop()
    const session = openSession({ uri: daemon.uri, backoff })
    const waiting = session.call(proc.connectGetLibVersion, {}).catch((e: unknown) => e)
    await session.close()
    expect(await waiting).toMatchObject({ code: 'closed' })
    await daemon.listen()
    await expect(session.connected()).rejects.toMatchObject({ code: 'closed' })
    expect(daemon.peers.size).toBe(0)
  })
})
