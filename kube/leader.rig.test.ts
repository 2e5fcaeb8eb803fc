import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { withControlPlane } from '../test/rig/vitest.ts'
import { waitUntil } from '../test/rig/wait-until.ts'
import { type Lease, leases } from './builtin-kinds.ts'
import type { Kube } from './client.ts'
import { createLeaseObserver, startHeartbeat } from './heartbeat.ts'
import { createInformer } from './informer.ts'
import { type LeaderOptions, type LeadershipEnd, runAsLeader } from './leader.ts'
import { createDirectClient, createProxiedClient, createTestNamespace } from './testing/rig.ts'

const plane = withControlPlane()
const QUICK = { leaseMs: 3_000, renewDeadlineMs: 2_000, retryMs: 300 }

interface Candidate {
  leading: boolean
  stop: () => void
  end: Promise<LeadershipEnd>
}

/** Each candidate adds itself to `leaders` while it leads; the set must never have two members. */
function startCandidate(
  kube: Kube,
  namespace: string,
  identity: string,
  leaders: Set<string>,
  more: Partial<LeaderOptions> = {},
): Candidate {
  const stop = new AbortController()
  const it: Candidate = { leading: false, stop: () => stop.abort(), end: Promise.resolve('stopped') }
  const work = async (signal: AbortSignal): Promise<void> => {
    leaders.add(identity)
    it.leading = true
    if (leaders.size > 1) throw new Error(`two leaders: ${[...leaders].join()}`)
    await once(signal, 'abort')
    it.leading = false
    leaders.delete(identity)
  }
  it.end = runAsLeader(
    {
      kube,
      namespace,
      name: 'boss',
      identity,
      ...QUICK,
      ...more,
    },
    work,
    stop.signal,
  )
  return it
}

describe('runAsLeader', () => {
  it('runs the work of one candidate, and of another one at once when the first stops', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace } = await createTestNamespace(kube)
    const leaders = new Set<string>()
    const slow = { leaseMs: 60_000, renewDeadlineMs: 40_000, retryMs: 30_000 }
    const all = ['a', 'b', 'c'].map((id) => startCandidate(kube, namespace, id, leaders, slow))
    for (let left = all; left.length > 0; left = left.filter((c) => !c.leading)) {
      await waitUntil(() => left.some((c) => c.leading), { what: 'a leader', deadline: 10_000 })
      const leader = left.find((c) => c.leading)!
      leader.stop()
      expect(await leader.end).toBe('stopped')
      leader.leading = true // makes the filter of the loop remove this candidate
    }
    const { spec } = await kube.resource<Lease>(leases).get({ namespace, name: 'boss' })
    expect(spec).toMatchObject({ holderIdentity: '', leaseTransitions: 2 })
  })

  it('stops the work of a leader that is cut off before another candidate leads', async () => {
    await using proxied = await createProxiedClient(plane())
    await using kube = await createDirectClient(plane())
    const { namespace } = await createTestNamespace(kube)
    const leaders = new Set<string>()
    const first = startCandidate(proxied.kube, namespace, 'first', leaders)
    await waitUntil(() => first.leading, { what: 'first to lead' })
    const second = startCandidate(kube, namespace, 'second', leaders)
    proxied.proxy.hang()
    expect(await first.end).toBe('lost')
    await waitUntil(() => second.leading, { what: 'second to lead', deadline: 15_000 })
    second.stop()
    expect(await second.end).toBe('stopped')
  })

  it('keeps leading when the API server is killed and comes back', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace } = await createTestNamespace(kube)
    const leaders = new Set<string>()
    const more = { leaseMs: 30_000, renewDeadlineMs: 20_000 }
    const both = [
      startCandidate(kube, namespace, 'a', leaders, more),
      startCandidate(kube, namespace, 'b', leaders, more),
    ]
    await waitUntil(() => leaders.size === 1, { what: 'a leader' })
    const before = [...leaders]
    await plane().restart('kube-apiserver')
    const renewed = async (): Promise<string | undefined> =>
      (await kube.resource<Lease>(leases).get({ namespace, name: 'boss' })).spec?.renewTime
    const now = await renewed()
    await waitUntil(async () => (await renewed()) !== now, { what: 'a renewal' })
    expect([...leaders]).toEqual(before)
    for (const c of both) c.stop()
    expect(await Promise.all(both.map((c) => c.end))).toEqual(['stopped', 'stopped'])
  })

  it('rejects with the error of the work, and releases the lease', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace } = await createTestNamespace(kube)
    const options = { kube, namespace, name: 'boss', identity: 'a', ...QUICK }
    const boom = (): Promise<void> => Promise.reject(new Error('boom'))
    await expect(runAsLeader(options, boom, new AbortController().signal)).rejects.toThrow('boom')
    expect(await runAsLeader(options, () => Promise.resolve(), new AbortController().signal)).toBe('finished')
    expect((await kube.resource<Lease>(leases).get({ namespace, name: 'boss' })).spec?.holderIdentity).toBe('')
  })

  it('lets another process lead at once after SIGTERM, and after kill -9 when the lease has expired', async () => {
    await using kube = await createDirectClient(plane())
    const { namespace } = await createTestNamespace(kube)
    const holder = async (): Promise<string | undefined> => {
      return (await kube.resource<Lease>(leases).get({ namespace, name: 'boss' })).spec?.holderIdentity
    }
    const start = (id: string) =>
      spawn(process.execPath, [`${import.meta.dirname}/testing/leader-main.ts`, plane().kubeconfig, namespace, id], {
        stdio: 'inherit',
      })
    const a = start('a')
    await waitUntil(async () => (await holder()) === 'a', { what: 'a to lead' })
    const b = start('b')
    const c = start('c')
    a.kill('SIGTERM')
    expect(await once(a, 'exit')).toEqual([0, null])
    const next = await waitUntil(
      async () => ['b', 'c'].find((id) => id) && (await holder()) !== '' && (await holder()),
      {
        what: 'another to lead',
      },
    )
    const [leader, other] = next === 'b' ? [b, c] : [c, b]
    leader.kill('SIGKILL')
    await waitUntil(async () => ![next, ''].includes((await holder()) ?? ''), {
      what: 'the last one to lead',
      deadline: 15_000,
    })
    other.kill('SIGTERM')
    expect(await once(other, 'exit')).toEqual([0, null])
  })

  it('rejects times with which two candidates could lead', async () => {
    await using kube = await createDirectClient(plane())
    const options = { kube, namespace: 'default', name: 'x', identity: 'a', leaseMs: 1_000, renewDeadlineMs: 2_000 }
    await expect(runAsLeader(options, () => Promise.resolve(), AbortSignal.abort())).rejects.toThrow('must hold')
  })
})

describe('createLeaseObserver', () => {
  it('calls a holder dead after its duration, but not because the observer was disconnected', async () => {
    await using proxied = await createProxiedClient(plane())
    await using kube = await createDirectClient(plane())
    const { namespace } = await createTestNamespace(kube)
    const stopA = new AbortController()
    const stopB = new AbortController()
    const options = { kube, namespace, durationMs: 3_000, everyMs: 300 }
    const a = startHeartbeat({ ...options, name: 'a', identity: 'host-a' }, stopA.signal)
    const b = startHeartbeat({ ...options, name: 'b', identity: 'host-b' }, stopB.signal)
    const informer = createInformer(proxied.kube.resource<Lease>(leases), { namespace, watchSeconds: () => 2 })
    await using closing = new AsyncDisposableStack()
    closing.use(informer)
    const observer = createLeaseObserver(informer)
    informer.start()
    await waitUntil(
      () => observer.state(`${namespace}/a`) === 'alive' && observer.state(`${namespace}/b`) === 'alive',
      {
        what: 'both alive',
      },
    )
    expect(observer.state(`${namespace}/c`)).toBe('unknown')
    const states = new Set<string>()
    // The observer is disconnected for longer than the leases last. It must call no holder dead meanwhile, nor just
    // after.
    proxied.proxy.hang()
    await waitUntil(
      () => (states.add(observer.state(`${namespace}/a`)), (observer.silentMs(`${namespace}/a`) ?? 0) > 4_000),
      { what: 'a long silence' },
    )
    proxied.proxy.pass()
    proxied.proxy.drop()
    await waitUntil(
      () => (states.add(observer.state(`${namespace}/a`)), (observer.silentMs(`${namespace}/a`) ?? 9e9) < 500),
      { what: 'news of a' },
    )
    expect([...states]).toEqual(['alive'])
    stopB.abort()
    await b.ended
    await waitUntil(() => observer.state(`${namespace}/b`) === 'dead', { what: 'b dead', deadline: 15_000 })
    expect(observer.state(`${namespace}/a`)).toBe('alive')
    expect(a.ageMs).toBeLessThan(3_000)
    stopA.abort()
    await a.ended
  })
})
