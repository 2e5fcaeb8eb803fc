// Unlike a real daemon, a fake one can fall silent, send late or wrong replies, split messages, and send stream data
// and events out of order.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { type CallEnd, ConnectionError, channels, DeadlineError, domainEvents, openConnection, proc } from './index.ts'
import { argsOf, type FakePeer, isCall, startFakeDaemon } from './testing/fake-daemon.ts'
import { type Message, messageStatus, messageType, program } from './wire/header.ts'

const dom = { name: 'd', uuid: '00000000-0000-0000-0000-000000000001', id: 1 }
const versionReply = { version: 9_000_000n }

/** The test answers the i-th received call with `answer(i)`. */
async function startManualDaemon() {
  const received: { peer: FakePeer; message: Message }[] = []
  const daemon = await startFakeDaemon((peer, message) => void received.push({ peer, message }))
  const answer = (index: number) => {
    const { peer, message } = received[index]!
    peer.reply(message, proc.connectGetLibVersion, versionReply)
  }
  return { daemon, received, answer, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() }
}

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => expect.fail(`resolved with ${String(value)}`),
    (error: unknown) => error,
  )
}

describe('Connection with a daemon that falls silent', () => {
  it('ends after the allowed number of unanswered PINGs', async () => {
    let pings = 0
    await using daemon = await startFakeDaemon((_peer, { header }) => {
      if (header.program === program.keepAlive) pings += 1
    })
    const connection = await openConnection({ uri: daemon.uri, keepAlive: { intervalMs: 5, count: 3 } })
    const call = rejectionOf(connection.call(proc.connectGetLibVersion, {}))
    expect(await connection.closed).toMatchObject({ code: 'silent' })
    expect(await call).toMatchObject({ name: 'ConnectionError', code: 'silent', sent: true })
    expect(pings).toBe(3)
  })

  it('stays alive while the daemon answers PINGs, and answers the daemon’s PINGs', async () => {
    const { promise: ponged, resolve } = Promise.withResolvers<void>()
    let pings = 0
    await using daemon = await startFakeDaemon((peer, { header }) => {
      if (header.program !== program.keepAlive) return
      if (header.procedure === 2) return resolve()
      pings += 1
      peer.send({ ...header, procedure: 2 })
      if (pings === 5) peer.send({ ...header, procedure: 1 })
    })
    await using connection = await openConnection({ uri: daemon.uri, keepAlive: { intervalMs: 5, count: 2 } })
    await ponged
    expect(connection.alive).toBe(true)
  })

  it('fails to connect after connectTimeoutMs', async () => {
    await using daemon = await startFakeDaemon()
    await daemon.stop()
    const { createServer } = await import('node:net')
    const mute = createServer(() => {}).listen(daemon.path)
    const error = await rejectionOf(openConnection({ uri: daemon.uri, connectTimeoutMs: 30 }))
    expect(error).toMatchObject({ name: 'ConnectionError', code: 'unreachable' })
    mute.close()
  })
})

describe('Connection.call with a deadline or a signal', () => {
  it('keeps the slot of a call whose deadline has passed until its late reply comes', async () => {
    await using manual = await startManualDaemon()
    await using connection = await openConnection({ uri: manual.daemon.uri, slots: 1 })
    const late = await rejectionOf(connection.call(proc.connectGetLibVersion, {}, { timeoutMs: 10 }))
    expect(late).toBeInstanceOf(DeadlineError)
    expect(late).toMatchObject({ procedure: 'connectGetLibVersion', sent: true })
    const second = rejectionOf(connection.call(proc.connectGetLibVersion, {}, { timeoutMs: 10 }))
    expect(await second).toMatchObject({ name: 'DeadlineError', sent: false })
    expect(manual.received.length).toBe(1)
    const third = connection.call(proc.connectGetLibVersion, {})
    manual.answer(0)
    await vi.waitUntil(() => manual.received.length === 2)
    manual.answer(1)
    expect(await third).toEqual(versionReply)
  })

  it('rejects with the reason of the signal when it is aborted', async () => {
    await using manual = await startManualDaemon()
    await using connection = await openConnection(manual.daemon.uri)
    const abort = new AbortController()
    const call = rejectionOf(connection.call(proc.connectGetLibVersion, {}, { signal: abort.signal }))
    await vi.waitUntil(() => manual.received.length === 1)
    abort.abort(new Error('no longer wanted'))
    expect(await call).toMatchObject({ message: 'no longer wanted' })
    const early = rejectionOf(connection.call(proc.connectGetLibVersion, {}, { signal: abort.signal }))
    expect(await early).toMatchObject({ message: 'no longer wanted' })
    expect(manual.received.length).toBe(1)
  })
})

describe('Connection slots', () => {
  it('has at most four calls under way, of which at most three are slow', async () => {
    await using manual = await startManualDaemon()
    await using connection = await openConnection(manual.daemon.uri)
    const saves = Array.from({ length: 6 }, () => rejectionOf(connection.call(proc.domainManagedSave, { dom })))
    const destroys = Array.from({ length: 2 }, () => rejectionOf(connection.call(proc.domainDestroyFlags, { dom })))
    await vi.waitUntil(() => manual.received.length === 4)
    const names = () =>
      manual.received.map(({ message }) => (isCall(message, proc.domainManagedSave) ? 'save' : 'destroy'))
    expect(names()).toEqual(['save', 'save', 'save', 'destroy'])
    manual.received[3]!.peer.refuse(manual.received[3]!.message, {})
    await vi.waitUntil(() => manual.received.length === 5)
    expect(names()).toEqual(['save', 'save', 'save', 'destroy', 'destroy'])
    await connection.close()
    expect(await Promise.all([...saves, ...destroys])).toMatchObject([
      ...[true, true, true, false, false, false].map((sent) => ({ code: 'closed', sent })),
      { code: 'VIR_ERR_INTERNAL_ERROR' },
      { code: 'closed', sent: true },
    ])
  })
})

describe('Connection with a daemon that breaks the protocol', () => {
  const header = { program: program.remote, version: 1, procedure: proc.connectGetLibVersion.number }
  it.each<[string, (peer: FakePeer, message: Message) => void, string]>([
    ['a reply with an unknown serial', (peer) => peer.send({ ...header, serial: 999 }), 'serial 999'],
    [
      'a reply to another procedure',
      (peer, m) => peer.send({ ...m.header, procedure: 4, type: 1 }),
      'reply to procedure 4',
    ],
    ['a length over the limit', (peer) => peer.socket.write(Buffer.from('ffffffff', 'hex')), 'over the limit'],
    ['a length without room for a header', (peer) => peer.socket.write(Buffer.from('00000004', 'hex')), 'no room'],
    ['a call', (peer) => peer.send({ ...header, type: messageType.call }), 'type 0'],
    ['another program version', (peer) => peer.send({ ...header, version: 2 }), 'version 2'],
    ['an unknown status', (peer) => peer.send({ ...header, status: 9 }), 'status 9'],
    ['data of an unknown stream', (peer) => peer.send({ ...header, type: messageType.stream }), 'no such stream'],
    ['a truncated event', (peer) => peer.send({ procedure: 318, type: messageType.message }), '4 bytes wanted'],
  ])('ends after %s', async (_what, misbehave, text) => {
    await using daemon = await startFakeDaemon(misbehave)
    const connection = await openConnection(daemon.uri)
    const error = await rejectionOf(connection.call(proc.connectGetLibVersion, {}))
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error).toMatchObject({ code: 'protocol' })
    expect((error as Error).message).toContain(text)
    expect(await connection.closed).toMatchObject({ code: 'protocol' })
    expect(await rejectionOf(connection.call(proc.connectGetLibVersion, {}))).toMatchObject({ code: 'protocol' })
  })

  it('fails only the call when its result cannot be decoded', async () => {
    await using daemon = await startFakeDaemon((peer, { header }) => peer.send({ ...header, type: 1 }, Buffer.alloc(4)))
    await using connection = await openConnection(daemon.uri)
    expect(await rejectionOf(connection.call(proc.connectGetLibVersion, {}))).toMatchObject({ name: 'ProtocolError' })
    expect(connection.alive).toBe(true)
  })

  it('decodes a reply that arrives byte by byte', async () => {
    await using daemon = await startFakeDaemon((peer, { header }) => {
      const bytes = Buffer.alloc(36)
      Object.values({ length: 36, ...header, type: 1 }).forEach((word, i) => bytes.writeUInt32BE(word, i * 4))
      bytes.writeBigUInt64BE(7n, 28)
      peer.socket.setNoDelay(true)
      for (const byte of bytes) peer.socket.write(Buffer.of(byte))
    })
    await using connection = await openConnection(daemon.uri)
    expect(await connection.call(proc.connectGetLibVersion, {})).toEqual({ version: 7n })
  })
})

describe('Connection.on', () => {
  const { connectDomainEventCallbackRegisterAny: register, connectDomainEventCallbackDeregisterAny: deregister } = proc
  const lifecycle = (callbackId: number, detail: number) => ({ callbackId, dom, event: 2, detail })

  it('delivers events that arrive before the reply to their registration, and drops events of other callbacks', async () => {
    const registrations: unknown[] = []
    await using daemon = await startFakeDaemon((peer, message) => {
      if (isCall(message, deregister)) return peer.reply(message, deregister, {})
      registrations.push(argsOf(message, register))
      peer.event(domainEvents.lifecycle, lifecycle(7, 1))
      peer.event(domainEvents.lifecycle, lifecycle(8, 2))
      peer.reply(message, register, { callbackId: 7 })
      peer.event(domainEvents.lifecycle, lifecycle(7, 3))
    })
    await using connection = await openConnection(daemon.uri)
    const seen: number[] = []
    const subscription = await connection.on(domainEvents.lifecycle, (event) => void seen.push(event.detail))
    await vi.waitUntil(() => seen.length === 2)
    expect(registrations).toEqual([{ eventId: 0, dom: null }])
    expect(seen).toEqual([1, 3])
    await subscription.close()
    for (const peer of daemon.peers) peer.event(domainEvents.lifecycle, lifecycle(7, 4))
    expect(connection.alive).toBe(true)
  })

  it('calls a handler for one event at a time, in order, and the handler may call the connection', async () => {
    await using daemon = await startFakeDaemon((peer, message) => {
      if (isCall(message, proc.connectGetLibVersion))
        return peer.reply(message, proc.connectGetLibVersion, versionReply)
      peer.reply(message, register, { callbackId: 1 })
      for (let i = 0; i < 100; i += 1) peer.event(domainEvents.lifecycle, lifecycle(1, i))
    })
    await using connection = await openConnection(daemon.uri)
    const seen: number[] = []
    let running = 0
    let mostRunning = 0
    await connection.on(domainEvents.lifecycle, async ({ detail }) => {
      running += 1
      mostRunning = Math.max(mostRunning, running)
      await connection.call(proc.connectGetLibVersion, {})
      running -= 1
      seen.push(detail)
    })
    await vi.waitUntil(() => seen.length === 100)
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(mostRunning).toBe(1)
  })

  it('drops waiting events beyond the limit and reports their number', async () => {
    await using daemon = await startFakeDaemon((peer, message) => {
      peer.reply(message, register, { callbackId: 1 })
      for (let i = 0; i < 25; i += 1) peer.event(domainEvents.lifecycle, lifecycle(1, i))
    })
    await using connection = await openConnection(daemon.uri)
    const seen: number[] = []
    const dropped: number[] = []
    const gate = Promise.withResolvers<void>()
    await connection.on(
      domainEvents.lifecycle,
      async ({ detail }) => {
        await gate.promise
        seen.push(detail)
      },
      { limit: 10, onOverflow: (count) => void dropped.push(count) },
    )
    await vi.waitUntil(() => dropped.length === 2)
    gate.resolve()
    await vi.waitUntil(() => seen.at(-1) === 24)
    expect(dropped).toEqual([10, 10])
    expect(seen.length).toBeLessThanOrEqual(6)
  })

  it('reports an error of the handler and delivers the next event', async () => {
    await using daemon = await startFakeDaemon((peer, message) => {
      peer.reply(message, register, { callbackId: 1 })
      for (let i = 0; i < 2; i += 1) peer.event(domainEvents.lifecycle, lifecycle(1, i))
    })
    await using connection = await openConnection(daemon.uri)
    const errors: unknown[] = []
    const handler = ({ detail }: { detail: number }) => Promise.reject(new Error(`no ${detail}`))
    await connection.on(domainEvents.lifecycle, handler, { onError: (error) => void errors.push(error) })
    await vi.waitUntil(() => errors.length === 2)
    expect(errors).toMatchObject([{ message: 'no 0' }, { message: 'no 1' }])
  })
})

describe('Connection.openStream', () => {
  const { storageVolDownload: download, storageVolUpload: upload } = proc
  const args = { vol: { pool: 'p', name: 'v', key: 'k' }, offset: 0, length: 0 }

  it('gives all data when the first bytes arrive before the reply', async () => {
    await using daemon = await startFakeDaemon((peer, message) => {
      const { header } = message
      const stream = { ...header, type: messageType.stream }
      if (!isCall(message, download)) return peer.send({ ...stream, status: messageStatus.ok })
      peer.send({ ...stream, status: messageStatus.continue }, Buffer.from('ab'))
      peer.reply(message, download, {})
      peer.send({ ...stream, status: messageStatus.continue }, Buffer.from('cd'))
      peer.send({ ...stream, status: messageStatus.continue })
    })
    await using connection = await openConnection(daemon.uri)
    const stream = await connection.openStream(download, args)
    expect(Buffer.concat(await stream.toArray()).toString()).toBe('abcd')
    await vi.waitUntil(() => daemon.peers.size === 1)
  })

  it('destroys the stream with the daemon’s error when the daemon fails it', async () => {
    await using daemon = await startFakeDaemon((peer, message) => {
      if (isCall(message, upload)) return peer.reply(message, upload, {})
      peer.refuse(message, { code: 38, message: 'disk full' })
    })
    await using connection = await openConnection(daemon.uri)
    const stream = await connection.openStream(upload, args)
    const error = rejectionOf(once(stream, 'finish'))
    stream.write('x')
    expect(await error).toMatchObject({
      code: 'VIR_ERR_SYSTEM_ERROR',
      message: 'disk full',
      procedure: 'storageVolUpload',
    })
  })

  it('ends streams with the connection that opened them', async () => {
    await using daemon = await startFakeDaemon((peer, message) => {
      if (isCall(message, download)) peer.reply(message, download, {})
    })
    const connection = await openConnection(daemon.uri)
    const stream = await connection.openStream(download, args)
    const error = rejectionOf(stream.toArray())
    await connection.close()
    expect(await error).toMatchObject({ code: 'closed' })
    expect(await rejectionOf(connection.openStream(download, args))).toMatchObject({ code: 'closed' })
  })
})

describe('diagnostics channels', () => {
  it('publish the end of a call with its duration and error', async () => {
    await using daemon = await startFakeDaemon((peer, message) => peer.refuse(message, { code: 42, domain: 10 }))
    await using connection = await openConnection(daemon.uri)
    const ends: CallEnd[] = []
    const listener = (message: unknown) => void ends.push(message as CallEnd)
    subscribe(channels.callEnd, listener)
    await rejectionOf(connection.call(proc.domainLookupByUuid, { uuid: dom.uuid }))
    unsubscribe(channels.callEnd, listener)
    expect(ends).toMatchObject([{ procedure: 'domainLookupByUuid', error: { code: 'VIR_ERR_NO_DOMAIN' } }])
  })
})
