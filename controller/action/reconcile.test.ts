import { describe, expect, it } from 'vitest'
import { serverAction } from '../../actions/index.ts'
import {
  findCondition,
  resourceDefOf,
  type Server,
  type ServerAction,
  type ServerStatus,
  server as serverKind,
} from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import type { Outcome } from '../../kube/outcome.ts'
import { flushPromises } from '../../kube/testing/fake-clock.ts'
import { Killed, Life } from '../../test/fakes/life.ts'
import { Bench, startCloud } from '../testing.ts'
import { reconcileAction } from './reconcile.ts'

const time = '2026-01-01T00:00:00Z'
const active: ServerStatus = {
  vmState: 'active',
  actionRecords: 1,
  observedGeneration: 1,
  domain: { name: 'd' },
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Running',
      message: 'it runs',
      lastTransitionTime: time,
      observedGeneration: 1,
    },
  ],
}

async function withServer(status: ServerStatus = active, spec: Partial<Server['spec']> = {}): Promise<Bench> {
  const bench = await startCloud('h1')
  await bench.createServer('web', spec)
  await bench.reconcile()
  await bench.reportAsAgent(status)
  return bench
}

const requestAction = (
  bench: Bench,
  action = 'reboot',
  params: object = { type: 'HARD' },
  name = 'r1',
): Promise<ServerAction> =>
  bench.create(serverAction, {
    metadata: { name, namespace: 'demo' },
    spec: { server: 'web', action, [action]: params, requestId: 'req-7c0b1d2e-0000-4000-8000-000000000001' },
  })

async function reconcile(bench: Bench, name = 'r1'): Promise<Outcome> {
  const outcome = await bench.fake.life.runUntilKilled(
    reconcileAction(`demo/${name}`, { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() }),
  )
  await bench.fake.waitForCaches()
  return outcome
}

async function reconcileWhileStale(bench: Bench, change: () => Promise<unknown>): Promise<void> {
  bench.api.pauseWatches()
  const changing = change()
  await flushPromises()
  await bench.fake.life.runUntilKilled(
    reconcileAction('demo/r1', { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() }),
  )
  bench.api.resumeWatches()
  await changing
  await bench.fake.waitForCaches()
}

const outcomeOf = (bench: Bench, name = 'r1') => {
  const found = bench.api.find('serveractions', `demo/${name}`) as ServerAction | undefined
  const accepted = findCondition(found?.status?.conditions, 'Accepted')
  return {
    phase: found?.status?.phase,
    message: found?.status?.message,
    accepted: accepted && `${accepted.status} ${accepted.reason}`,
  }
}

describe('reconcileAction', () => {
  it('puts an admitted request into the server’s slot, and makes the server its owner', async () => {
    await using bench = await withServer()
    const { metadata } = await requestAction(bench)
    const { length } = bench.writes
    expect(await reconcile(bench)).toEqual({ kind: 'done' })
    expect(bench.writes.slice(length)).toEqual(['applyStatus servers', 'apply serveractions'])
    expect(bench.statusOf().activeAction).toEqual({
      name: 'r1',
      uid: metadata.uid,
      action: 'reboot',
      params: { type: 'HARD' },
      requestId: 'req-7c0b1d2e-0000-4000-8000-000000000001',
      admittedAt: bench.now(),
    })
    expect(outcomeOf(bench)).toMatchObject({ phase: 'Running', accepted: 'True Accepted' })
    expect(bench.listActions()[0]?.metadata.ownerReferences).toMatchObject([
      { kind: 'Server', uid: bench.getServer()?.metadata.uid },
    ])
  })

  it('writes the server’s host into an admitted request', async () => {
    await using bench = await withServer()
    await requestAction(bench)
    await reconcile(bench)
    expect(bench.listActions()[0]?.status).toMatchObject({ phase: 'Running', host: 'h1' })
  })

  it('updates the host of a running request when the server moves, and keeps the start time', async () => {
    await using bench = await withServer()
    await requestAction(bench)
    await reconcile(bench)
    const { startTime } = bench.listActions()[0]?.status ?? {}
    const { activeAction } = bench.statusOf()
    await bench.clock.advance(1000)
    await bench.reportAsAgent({ ...active, host: 'h2', ...(activeAction ? { activeAction } : {}) })
    await reconcile(bench)
    expect(bench.listActions()[0]?.status).toMatchObject({ phase: 'Running', host: 'h2', startTime })
    const before = bench.writes.length
    await reconcile(bench)
    expect(bench.writes).toHaveLength(before)
  })

  it('does not admit a running request again when another action is in the server’s slot', async () => {
    await using bench = await withServer()
    const { metadata } = await requestAction(bench)
    await reconcile(bench)
    const activeAction = { name: 'other', uid: 'other', action: 'start', admittedAt: time }
    await bench.reportAsAgent({ ...active, activeAction, lastCompletedAction: metadata.uid ?? '' })
    const before = bench.writes.length
    expect(await reconcile(bench)).toEqual({ kind: 'done' })
    expect(bench.writes).toHaveLength(before)
  })

  it('changes only the slot in the server’s status', async () => {
    await using bench = await withServer()
    const { activeAction: _, ...before } = bench.statusOf()
    await requestAction(bench)
    await reconcile(bench)
    const { activeAction: __, ...after } = bench.statusOf()
    expect(after).toEqual(before)
  })

  it.each([
    ['when the server is in the wrong state', { ...active, vmState: 'paused' }, {}, 'start', {}, 'InvalidState'],
    ['when the server is locked', active, { locked: true }, 'reboot', { type: 'HARD' }, 'ServerLocked'],
  ] as const)('rejects a request with a reason %s', async (_, status, spec, action, params, reason) => {
    await using bench = await withServer(status, spec)
    await requestAction(bench, action, params)
    await reconcile(bench)
    expect(outcomeOf(bench)).toMatchObject({
      phase: 'Rejected',
      message: expect.any(String),
      accepted: `False ${reason}`,
    })
    expect(bench.statusOf()).not.toHaveProperty('activeAction')
  })

  it('rejects a request when there is no such server', async () => {
    await using bench = await Bench.start()
    await requestAction(bench)
    await reconcile(bench)
    expect(outcomeOf(bench)).toMatchObject({ phase: 'Rejected', accepted: 'False ServerNotFound' })
  })

  it('changes nothing when a request is admitted already', async () => {
    await using bench = await withServer()
    await requestAction(bench)
    await reconcile(bench)
    const before = [bench.getServer(), bench.listActions()]
    await reconcile(bench)
    expect([bench.getServer(), bench.listActions()]).toEqual(before)
    await reconcile(bench, 'missing')
  })

  it('admits a request without parameters after one that had some', async () => {
    await using bench = await withServer()
    const { metadata } = await requestAction(bench)
    await reconcile(bench)
    await bench.reportAsAgent({ ...active, vmState: 'stopped', lastCompletedAction: metadata.uid ?? '' })
    await requestAction(bench, 'start', {}, 'r2')
    await reconcile(bench, 'r2')
    expect(bench.statusOf().activeAction).toMatchObject({ name: 'r2', action: 'start' })
    expect(outcomeOf(bench, 'r2')).toMatchObject({ phase: 'Running' })
  })
})

describe('reconcileAction on a stale cache', () => {
  it('does not admit a request that the leader before has rejected', async () => {
    await using bench = await withServer()
    await requestAction(bench)
    const requests = bench.api.resource<ServerAction>(resourceDefOf(serverAction))
    const rejected = { metadata: { name: 'r1', namespace: 'demo' }, status: { phase: 'Rejected' } } as const
    await reconcileWhileStale(bench, () => requests.apply(rejected, { fieldManager: 'kubenova-admission' }))
    expect(outcomeOf(bench)).toMatchObject({ phase: 'Rejected' })
    expect(bench.statusOf()).not.toHaveProperty('activeAction')
  })

  it('admits a request that only the newest server allows', async () => {
    await using bench = await withServer({ ...active, vmState: 'building', taskState: 'spawning' })
    await requestAction(bench)
    await reconcileWhileStale(bench, () => bench.reportAsAgent(active))
    expect(outcomeOf(bench)).toMatchObject({ phase: 'Running' })
  })

  it('finds a server that was created together with the request', async () => {
    await using bench = await startCloud('h1')
    await requestAction(bench)
    await reconcileWhileStale(bench, () => bench.createServer('web', {}))
    expect(outcomeOf(bench)).toMatchObject({ phase: 'Rejected', message: expect.stringContaining('has none yet') })
  })

  it('waits when the previous action is finished but still in the slot', async () => {
    await using bench = await withServer()
    const { metadata } = await requestAction(bench)
    await reconcile(bench)
    const actions = bench.api.resource<ServerAction>(resourceDefOf(serverAction))
    const ended = { metadata: { name: 'r1', namespace: 'demo' }, status: { phase: 'Succeeded' } } as const
    await actions.apply(ended, { fieldManager: 'kubenova-agent/h1' })
    await requestAction(bench, 'reboot', { type: 'HARD' }, 'r2')
    expect(await reconcile(bench, 'r2')).toMatchObject({ kind: 'wait', for: 'the end of r1 to free its slot' })
    await bench.reportAsAgent({ ...active, lastCompletedAction: metadata.uid ?? '' })
    await reconcile(bench, 'r2')
    expect(outcomeOf(bench, 'r2')).toMatchObject({ phase: 'Running' })
  })
})

describe('reconcileAction with two requests at once', () => {
  it('rejects the second request while the first runs, and admits a new one afterwards', async () => {
    await using bench = await withServer()
    const { metadata } = await requestAction(bench)
    await requestAction(bench, 'reboot', { type: 'HARD' }, 'r2')
    await reconcile(bench)
    await reconcile(bench, 'r2')
    expect(outcomeOf(bench, 'r2')).toMatchObject({ phase: 'Rejected', accepted: 'False ActionUnderWay' })
    await bench.reportAsAgent({ ...active, lastCompletedAction: metadata.uid ?? '' })
    await requestAction(bench, 'reboot', { type: 'HARD' }, 'r3')
    await reconcile(bench, 'r3')
    expect(outcomeOf(bench, 'r3')).toMatchObject({ phase: 'Running' })
  })

  it('admits only one request when the cache shows neither in the slot', async () => {
    await using bench = await withServer()
    for (const name of ['r1', 'r2']) await requestAction(bench, 'reboot', { type: 'HARD' }, name)
    bench.api.pauseWatches()
    const deps = { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() }
    await reconcileAction('demo/r1', deps)
    expect(await reconcileAction('demo/r2', deps)).toEqual({ kind: 'wait', for: 'the newest Server', recheckAfter: 20 })
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    await reconcile(bench, 'r2')
    expect([outcomeOf(bench), outcomeOf(bench, 'r2')]).toMatchObject([{ phase: 'Running' }, { phase: 'Rejected' }])
    expect(bench.statusOf().activeAction?.name).toBe('r1')
  })
})

describe('reconcileAction of a request that the agent has finished', () => {
  it('does not overwrite the phase that the agent has written', async () => {
    await using bench = await withServer()
    await requestAction(bench)
    bench.api.pauseWatches()
    const actions = bench.api.resource<ServerAction>(resourceDefOf(serverAction))
    await actions.apply(
      { metadata: { name: 'r1', namespace: 'demo' }, status: { phase: 'Succeeded' } },
      { fieldManager: 'kubenova-agent/h1' },
    )
    await reconcileAction('demo/r1', { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() })
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(outcomeOf(bench)).toMatchObject({ phase: 'Succeeded' })
  })

  it('does not touch an action record that is created as finished', async () => {
    await using bench = await withServer()
    await bench.create(serverAction, {
      metadata: { name: 'web-1', namespace: 'demo' },
      spec: { server: 'web', action: 'stop' },
      status: { phase: 'Succeeded' },
    })
    const before = bench.writes.length
    await reconcile(bench, 'web-1')
    expect(bench.writes).toHaveLength(before)
  })
})

describe('reconcileAction of a deleted request', () => {
  it('does not admit a request that is terminating', async () => {
    await using bench = await withServer()
    await bench.create(serverAction, {
      metadata: { name: 'r1', namespace: 'demo', finalizers: ['example.com/x'] },
      spec: { server: 'web', action: 'start', start: {} },
    })
    await bench.api.resource<ServerAction>(resourceDefOf(serverAction)).delete({ name: 'r1', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await reconcile(bench)
    expect(bench.statusOf()).not.toHaveProperty('activeAction')
  })

  it('does not create the request again when it is deleted during the admission', async () => {
    await using bench = await withServer()
    await requestAction(bench)
    bench.api.pauseWatches()
    await bench.api.resource<ServerAction>(resourceDefOf(serverAction)).delete({ name: 'r1', namespace: 'demo' })
    await expect(
      reconcileAction('demo/r1', { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() }),
    ).resolves.toEqual({
      kind: 'done',
    })
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(bench.listActions()).toEqual([])
  })

  it('does not write to a new request of the same name', async () => {
    await using bench = await withServer()
    await requestAction(bench)
    bench.api.pauseWatches()
    const actions = bench.api.resource<ServerAction>(resourceDefOf(serverAction))
    await actions.delete({ name: 'r1', namespace: 'demo' })
    await actions.create({
      metadata: { name: 'r1', namespace: 'demo' },
      spec: { server: 'web', action: 'start', start: {} },
    })
    await reconcileAction('demo/r1', { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() })
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(outcomeOf(bench).phase).toBeUndefined()
  })
})

describe('reconcileAction after an interrupted write', () => {
  it('has the same result after a crash before or after each write', async () => {
    for (let at = 0; at < 2; at++)
      for (const when of ['before', 'after'] as const) {
        await using first = await withServer()
        const { metadata } = await requestAction(first)
        await using dying = await Bench.start(first.api, new Life().killAt(at, when))
        await expect(reconcile(dying)).rejects.toThrow(Killed)
        await using next = await Bench.start(first.api)
        await reconcile(next)
        expect(next.statusOf().activeAction?.uid, `${when} ${at}`).toBe(metadata.uid)
        expect(outcomeOf(next), `${when} ${at}`).toMatchObject({ phase: 'Running' })
      }
  })

  it('throws an error of the API server, and succeeds when tried again', async () => {
    await using bench = await withServer()
    await requestAction(bench)
    bench.fake.life.fail('applyStatus servers', new ApiError({ request: 'fake', status: 503 }))
    await expect(reconcile(bench)).rejects.toMatchObject({ status: 503 })
    await reconcile(bench)
    expect(outcomeOf(bench)).toMatchObject({ phase: 'Running' })
  })
})

it('reconcileAction rejects a request when its server is deleted during the admission', async () => {
  await using bench = await withServer()
  await requestAction(bench)
  bench.api.pauseWatches()
  const servers = bench.api.resource<Server>(resourceDefOf(serverKind))
  await servers.patch({ name: 'web', namespace: 'demo' }, { metadata: { finalizers: [] } })
  await servers.delete({ name: 'web', namespace: 'demo' })
  await reconcileAction('demo/r1', {
    stores: bench.stores,
    secrets: bench.services.secrets,
    now: () => bench.now(),
  }).catch((error: unknown) => error)
  bench.api.resumeWatches()
  await bench.fake.waitForCaches()
  await reconcile(bench)
  expect(outcomeOf(bench)).toMatchObject({ phase: 'Rejected', accepted: 'False ServerNotFound' })
})
