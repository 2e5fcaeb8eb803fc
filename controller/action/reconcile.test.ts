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
import { Bench, cloud } from '../testing.ts'
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
  const bench = await cloud('h1')
  await bench.server('web', spec)
  await bench.reconcile()
  await bench.agentSays(status)
  return bench
}

const ask = (bench: Bench, action = 'reboot', params: object = { type: 'HARD' }, name = 'r1'): Promise<ServerAction> =>
  bench.make(serverAction, {
    metadata: { name, namespace: 'demo' },
    spec: { server: 'web', action, [action]: params, requestId: 'req-7c0b1d2e-0000-4000-8000-000000000001' },
  })

async function decide(bench: Bench, name = 'r1'): Promise<Outcome> {
  const outcome = await bench.fake.life.runUntilKilled(
    reconcileAction(`demo/${name}`, { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() }),
  )
  await bench.fake.waitForCaches()
  return outcome
}

/** Decides on r1 while the cache does not know of `change`. */
async function behind(bench: Bench, change: () => Promise<unknown>): Promise<void> {
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

const seen = (bench: Bench, name = 'r1') => {
  const found = bench.api.find('serveractions', `demo/${name}`) as ServerAction | undefined
  const accepted = findCondition(found?.status?.conditions, 'Accepted')
  return {
    phase: found?.status?.phase,
    message: found?.status?.message,
    accepted: accepted && `${accepted.status} ${accepted.reason}`,
  }
}

describe('a deed', () => {
  it('that may be done takes the server’s slot, and is owned by the server', async () => {
    await using bench = await withServer()
    const { metadata } = await ask(bench)
    const { length } = bench.writes
    expect(await decide(bench)).toEqual({ kind: 'done' })
    expect(bench.writes.slice(length)).toEqual(['applyStatus servers', 'apply serveractions'])
    expect(bench.status().activeAction).toEqual({
      name: 'r1',
      uid: metadata.uid,
      action: 'reboot',
      params: { type: 'HARD' },
      requestId: 'req-7c0b1d2e-0000-4000-8000-000000000001',
      admittedAt: bench.now(),
    })
    expect(seen(bench)).toMatchObject({ phase: 'Running', accepted: 'True Accepted' })
    expect(bench.actions()[0]?.metadata.ownerReferences).toMatchObject([
      { kind: 'Server', uid: bench.read()?.metadata.uid },
    ])
  })

  it('names the host whose agent may end it', async () => {
    await using bench = await withServer()
    await ask(bench)
    await decide(bench)
    expect(bench.actions()[0]?.status).toMatchObject({ phase: 'Running', host: 'h1' })
  })

  it('of a server that has its host only after, or another, names that one, and begins once', async () => {
    await using bench = await withServer()
    await ask(bench)
    await decide(bench)
    const { startTime } = bench.actions()[0]?.status ?? {}
    const deed = bench.status().activeAction
    await bench.clock.advance(1000)
    await bench.agentSays({ ...active, host: 'h2', ...(deed ? { activeAction: deed } : {}) })
    await decide(bench)
    expect(bench.actions()[0]?.status).toMatchObject({ phase: 'Running', host: 'h2', startTime })
    const before = bench.writes.length
    await decide(bench)
    expect(bench.writes).toHaveLength(before)
  })

  it('that runs and whose server has gone on without it is not begun again', async () => {
    await using bench = await withServer()
    const { metadata } = await ask(bench)
    await decide(bench)
    const deed = { name: 'other', uid: 'other', action: 'start', admittedAt: time }
    await bench.agentSays({ ...active, activeAction: deed, lastCompletedAction: metadata.uid ?? '' })
    const before = bench.writes.length
    expect(await decide(bench)).toEqual({ kind: 'done' })
    expect(bench.writes).toHaveLength(before)
  })

  it('leaves the rest of the status as it is', async () => {
    await using bench = await withServer()
    const { activeAction: _, ...before } = bench.status()
    await ask(bench)
    await decide(bench)
    const { activeAction: __, ...after } = bench.status()
    expect(after).toEqual(before)
  })

  it.each([
    ['in the wrong state', { ...active, vmState: 'paused' }, {}, 'start', {}, 'InvalidState'],
    ['of a locked server', active, { locked: true }, 'reboot', { type: 'HARD' }, 'ServerLocked'],
  ] as const)('%s is refused, and says why', async (_, status, spec, action, params, reason) => {
    await using bench = await withServer(status, spec)
    await ask(bench, action, params)
    await decide(bench)
    expect(seen(bench)).toMatchObject({ phase: 'Rejected', message: expect.any(String), accepted: `False ${reason}` })
    expect(bench.status()).not.toHaveProperty('activeAction')
  })

  it('of a server that is not there is refused', async () => {
    await using bench = await Bench.start()
    await ask(bench)
    await decide(bench)
    expect(seen(bench)).toMatchObject({ phase: 'Rejected', accepted: 'False ServerNotFound' })
  })

  it('is decided once, whatever comes after', async () => {
    await using bench = await withServer()
    await ask(bench)
    await decide(bench)
    const before = [bench.read(), bench.actions()]
    await decide(bench)
    expect([bench.read(), bench.actions()]).toEqual(before)
    await decide(bench, 'there is none')
  })

  it('with other parameters can follow one that had some', async () => {
    await using bench = await withServer()
    const { metadata } = await ask(bench)
    await decide(bench)
    await bench.agentSays({ ...active, vmState: 'stopped', lastCompletedAction: metadata.uid ?? '' })
    await ask(bench, 'start', {}, 'r2')
    await decide(bench, 'r2')
    expect(bench.status().activeAction).toMatchObject({ name: 'r2', action: 'start' })
    expect(seen(bench, 'r2')).toMatchObject({ phase: 'Running' })
  })
})

describe('where the cache is behind what its user has seen', () => {
  it('a server that has got into the right state takes it', async () => {
    await using bench = await withServer({ ...active, vmState: 'building', taskState: 'spawning' })
    await ask(bench)
    await behind(bench, () => bench.agentSays(active))
    expect(seen(bench)).toMatchObject({ phase: 'Running' })
  })

  it('a server that was made with it is found', async () => {
    await using bench = await cloud('h1')
    await ask(bench)
    await behind(bench, () => bench.server('web', {}))
    expect(seen(bench)).toMatchObject({ phase: 'Rejected', message: expect.stringContaining('has none yet') })
  })

  it('one that has ended, and is not counted yet, is waited for', async () => {
    await using bench = await withServer()
    const { metadata } = await ask(bench)
    await decide(bench)
    const actions = bench.api.resource<ServerAction>(resourceDefOf(serverAction))
    const ended = { metadata: { name: 'r1', namespace: 'demo' }, status: { phase: 'Succeeded' } } as const
    await actions.apply(ended, { fieldManager: 'kubenova-agent/h1' })
    await ask(bench, 'reboot', { type: 'HARD' }, 'r2')
    expect(await decide(bench, 'r2')).toMatchObject({ kind: 'wait', for: 'the end of r1 to free its slot' })
    await bench.agentSays({ ...active, lastCompletedAction: metadata.uid ?? '' })
    await decide(bench, 'r2')
    expect(seen(bench, 'r2')).toMatchObject({ phase: 'Running' })
  })
})

describe('of two deeds at once', () => {
  it('the second is refused while the first is under way, and may be asked again after', async () => {
    await using bench = await withServer()
    const { metadata } = await ask(bench)
    await ask(bench, 'reboot', { type: 'HARD' }, 'r2')
    await decide(bench)
    await decide(bench, 'r2')
    expect(seen(bench, 'r2')).toMatchObject({ phase: 'Rejected', accepted: 'False ActionUnderWay' })
    await bench.agentSays({ ...active, lastCompletedAction: metadata.uid ?? '' })
    await ask(bench, 'reboot', { type: 'HARD' }, 'r3')
    await decide(bench, 'r3')
    expect(seen(bench, 'r3')).toMatchObject({ phase: 'Running' })
  })

  it('one gets the slot where the cache shows neither', async () => {
    await using bench = await withServer()
    for (const name of ['r1', 'r2']) await ask(bench, 'reboot', { type: 'HARD' }, name)
    bench.api.pauseWatches()
    const deps = { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() }
    await reconcileAction('demo/r1', deps)
    expect(await reconcileAction('demo/r2', deps)).toEqual({ kind: 'wait', for: 'the newest Server', recheckAfter: 20 })
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    await decide(bench, 'r2')
    expect([seen(bench), seen(bench, 'r2')]).toMatchObject([{ phase: 'Running' }, { phase: 'Rejected' }])
    expect(bench.status().activeAction?.name).toBe('r1')
  })
})

describe('when the agent is quicker', () => {
  it('its end is not overwritten by our beginning', async () => {
    await using bench = await withServer()
    await ask(bench)
    bench.api.pauseWatches()
    const actions = bench.api.resource<ServerAction>(resourceDefOf(serverAction))
    await actions.apply(
      { metadata: { name: 'r1', namespace: 'demo' }, status: { phase: 'Succeeded' } },
      { fieldManager: 'kubenova-agent/h1' },
    )
    await reconcileAction('demo/r1', { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() })
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(seen(bench)).toMatchObject({ phase: 'Succeeded' })
  })

  it('a record that comes with its end is left alone', async () => {
    await using bench = await withServer()
    await bench.make(serverAction, {
      metadata: { name: 'web-1', namespace: 'demo' },
      spec: { server: 'web', action: 'stop' },
      status: { phase: 'Succeeded' },
    })
    const before = bench.writes.length
    await decide(bench, 'web-1')
    expect(bench.writes).toHaveLength(before)
  })
})

describe('a deed that is deleted', () => {
  it('before it was seen is nobody’s any more; one being deleted is not begun', async () => {
    await using bench = await withServer()
    await bench.make(serverAction, {
      metadata: { name: 'r1', namespace: 'demo', finalizers: ['example.com/x'] },
      spec: { server: 'web', action: 'start', start: {} },
    })
    await bench.api.resource<ServerAction>(resourceDefOf(serverAction)).delete({ name: 'r1', namespace: 'demo' })
    await bench.fake.waitForCaches()
    await decide(bench)
    expect(bench.status()).not.toHaveProperty('activeAction')
  })

  it('while it is admitted is not made anew by our word of it', async () => {
    await using bench = await withServer()
    await ask(bench)
    bench.api.pauseWatches()
    await bench.api.resource<ServerAction>(resourceDefOf(serverAction)).delete({ name: 'r1', namespace: 'demo' })
    await expect(
      reconcileAction('demo/r1', { stores: bench.stores, secrets: bench.services.secrets, now: () => bench.now() }),
    ).resolves.toEqual({
      kind: 'done',
    })
    bench.api.resumeWatches()
    await bench.fake.waitForCaches()
    expect(bench.actions()).toEqual([])
  })

  it('and made anew under its name is another', async () => {
    await using bench = await withServer()
    await ask(bench)
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
    expect(seen(bench).phase).toBeUndefined()
  })
})

describe('crashes and errors', () => {
  it('at each write end as without', async () => {
    for (let at = 0; at < 2; at++)
      for (const when of ['before', 'after'] as const) {
        await using first = await withServer()
        const { metadata } = await ask(first)
        await using dying = await Bench.start(first.api, new Life().killAt(at, when))
        await expect(decide(dying)).rejects.toThrow(Killed)
        await using next = await Bench.start(first.api)
        await decide(next)
        expect(next.status().activeAction?.uid, `${when} ${at}`).toBe(metadata.uid)
        expect(seen(next), `${when} ${at}`).toMatchObject({ phase: 'Running' })
      }
  })

  it('of the API server are told to the queue', async () => {
    await using bench = await withServer()
    await ask(bench)
    bench.fake.life.fail('applyStatus servers', new ApiError({ request: 'fake', status: 503 }))
    await expect(decide(bench)).rejects.toMatchObject({ status: 503 })
    await decide(bench)
    expect(seen(bench)).toMatchObject({ phase: 'Running' })
  })
})

it('a server that goes while a deed is admitted', async () => {
  await using bench = await withServer()
  await ask(bench)
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
  await decide(bench)
  expect(seen(bench)).toMatchObject({ phase: 'Rejected', accepted: 'False ServerNotFound' })
})
