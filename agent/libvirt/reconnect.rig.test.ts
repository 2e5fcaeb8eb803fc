// The environment variable RECONNECTS sets the number of cuts, for example 10000, and makes the test print its
// measurements.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect as connectSocket, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it, vi } from 'vitest'
import { withHost } from '../../test/rig/vitest.ts'
import { type Connection, domainEvents, openConnection, openSession, proc } from './index.ts'

/** UUID of the domain that libvirt's test driver (`test:///default`) always has. */
const TEST_DOMAIN = '6695eb01-f6a4-8304-79aa-97f2502e193f'
const host = withHost()
const rounds = Number(process.env['RECONNECTS'] ?? 300)
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

async function startRelay(to: string) {
  const directory = mkdtempSync(join(tmpdir(), 'relay-'))
  const path = join(directory, 'sock')
  const open = new Set<Socket>()
  const server = createServer((near) => {
    const far = connectSocket(to)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => one.destroy()).on('close', () => void (open.delete(one), other.destroy()))
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => void server.listen(path, resolve))
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  const close = async () => {
    cut()
    await new Promise((resolve) => void server.close(resolve))
    rmSync(directory, { recursive: true })
  }
  return { path, open, cut, [Symbol.asyncDispose]: close }
}

/** `connections` in the result is the number of connections that are not garbage-collected yet. */
async function measureResources(connections: WeakRef<Connection>[]) {
  // Collect garbage twice: the first collection finds the unused buffers, and the second one frees their memory.
  for (let i = 0; i < 2; i += 1) {
    await new Promise((resolve) => void setImmediate(resolve))
    collectGarbage()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    connections: connections.filter((reference) => reference.deref()).length,
    heapKiB: Math.round(heapUsed / 1024),
    buffersKiB: Math.round(arrayBuffers / 1024),
  }
}

it('Session reconnects each time its connection is cut, without leaking connections, descriptors or memory', {
  timeout: 120_000 + rounds * 100,
}, async () => {
  await using between = await startRelay(host().socket)
  await using direct = await openConnection(`test+unix:///default?socket=${host().socket}`)
  const { dom } = await direct.call(proc.domainLookupByUuid, { uuid: TEST_DOMAIN })
  await using session = openSession({
    uri: `test+unix:///default?socket=${between.path}`,
    backoff: { minMs: 1, maxMs: 2 },
  })
  // Keep only the error's code: the error object would keep its connection from being garbage-collected.
  const resyncs: { generation: number; after: string | undefined }[] = []
  let events = 0
  session.onResync(({ generation, previous }) => void resyncs.push({ generation, after: previous?.code }))
  await session.on(domainEvents.lifecycle, () => void (events += 1))
  const references: WeakRef<Connection>[] = []

  const round = async (i: number) => {
    await vi.waitUntil(() => resyncs.at(-1)?.generation === i, { timeout: 20_000, interval: 1 })
    references.push(new WeakRef(session.connection!))
    if (i % 10 === 0) {
      const before = events
      await direct.call(i % 20 === 0 ? proc.domainResume : proc.domainSuspend, { dom })
      await vi.waitUntil(() => events === before + 1, { timeout: 20_000, interval: 1 })
    }
    // Cut only between calls, because libvirtd 9.0.0 may crash if a client disappears during its requests.
    await Promise.all(Array.from({ length: 20 }, () => session.call(proc.connectGetLibVersion, {})))
    between.cut()
  }

  for (let i = 1; i <= 100; i += 1) await round(i)
  const before = await measureResources(references)
  const begin = performance.now()
  for (let i = 101; i <= 100 + rounds; i += 1) await round(i)
  const seconds = (performance.now() - begin) / 1000
  await vi.waitUntil(() => between.open.size === 2, { timeout: 20_000 })
  const after = await measureResources(references)
  if (process.env['RECONNECTS']) console.info(JSON.stringify({ rounds, seconds, before, after }))

  const expected = resyncs.map((_, i) => ({ generation: i + 1, after: i === 0 ? undefined : 'lost' }))
  expect(resyncs).toEqual(expected)
  expect(after.connections).toBeLessThanOrEqual(2)
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2)
  // This test's own lists grow with each cut. A leak would exceed the limits, because each leaked connection keeps 64
  // KiB of buffers.
  expect(after.buffersKiB - before.buffersKiB).toBeLessThan(1024)
  expect(after.heapKiB - before.heapKiB).toBeLessThan(2048 + rounds)
})
