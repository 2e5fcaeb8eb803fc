import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { identifyProcess, isAlive, signalProcess } from '../../test/rig/process.ts'
import { withHost } from '../../test/rig/vitest.ts'
import { type Connection, ConnectionError, openConnection, openSession, proc } from './index.ts'

const host = withHost()
const count = 5000
/** Far below the deadline of calls (30 s), so that the deadline cannot be what ends them. */
const soonMs = 10_000

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

function startCalls(caller: Pick<Connection, 'call'>): Promise<unknown>[] {
  return Array.from({ length: count }, async (_, i) => {
    try {
      if (i % 2 === 0) await caller.call(proc.connectGetLibVersion, {})
      else await caller.call(proc.connectGetCapabilities, {})
      return 'answered'
    } catch (error) {
      return error
    }
  })
}

function countResults(results: unknown[]) {
  const errors = results.filter((result) => result !== 'answered')
  for (const error of errors) expect(error).toBeInstanceOf(ConnectionError)
  return { answered: results.length - errors.length, errors: errors as ConnectionError[] }
}

describe('thousands of calls', () => {
  it('fail at once when libvirtd is killed, and at most four of them were sent', async () => {
    const connection = await openConnection(host().uri)
    const calls = startCalls(connection)
    await Promise.race(calls)
    const begin = performance.now()
    await host().killLibvirtd()
    const { answered, errors } = countResults(await Promise.all(calls))
    expect(performance.now() - begin).toBeLessThan(soonMs)
    expect(answered).toBeGreaterThan(0)
    expect(answered + errors.length).toBe(count)
    expect(errors.filter(({ sent }) => sent).length).toBeLessThanOrEqual(4)
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['lost']))
    await host().startLibvirtd()
  })

  it('fail by keep-alive when libvirtd is stopped, and the session reconnects when libvirtd continues', async () => {
    await using session = openSession({
      uri: host().uri,
      keepAlive: { intervalMs: 200, count: 3 },
      connectTimeoutMs: 500,
    })
    await session.connected()
    const calls = startCalls(session)
    await Promise.race(calls)
    const daemon = host().libvirtd!
    signalProcess(daemon, 'SIGSTOP')
    try {
      const begin = performance.now()
      const { errors } = countResults(await Promise.all(calls))
      expect(performance.now() - begin).toBeLessThan(soonMs)
      expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['silent']))
    } finally {
      signalProcess(daemon, 'SIGCONT')
      // When libvirtd is stopped, its parent nsenter stops itself, too. Without SIGCONT nsenter would never exit.
      const waiting = identifyProcess(parentOf(daemon.pid))
      if (waiting) signalProcess(waiting, 'SIGCONT')
    }
    expect(isAlive(daemon)).toBe(true)
    expect(await session.call(proc.connectGetUri, {})).toEqual({ uri: 'qemu:///system' })
    expect(session.generation).toBe(2)
  })
})
