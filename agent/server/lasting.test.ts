/** Actions whose steps last: how they are reported, continued after a crash, and ended. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { step } from '../../actions/action.ts'
import { actions } from '../../actions/index.ts'
import type { ServerAction } from '../../crds/index.ts'
import { Life } from '../../test/fakes/life.ts'
import { type AgentLife, active, Bench, ready, said, writes } from './testing.ts'

const recordOf = (bench: Bench, name: string): ServerAction | undefined =>
  bench.api.find('serveractions', `demo/${name}`) as ServerAction | undefined

/** A server whose guest does not power off when it is asked to. */
async function stubborn(): Promise<Bench> {
  const bench = await active()
  bench.machine.obeysPowerButton = false
  return bench
}

/** Passes for so many seconds, as the queue calls for them when a wait is over. */
async function passFor(bench: Bench, agent: AgentLife, seconds: number): Promise<void> {
  const end = bench.clock.now() + seconds * 1000
  while (bench.clock.now() < end) {
    const outcome = await bench.pass(agent)
    const waitMs = outcome.kind === 'wait' ? (outcome.recheckAfter ?? 0) : 0
    if (waitMs === 0) return
    await bench.clock.advance(Math.min(waitMs, end - bench.clock.now()))
  }
}

describe('a stop of a guest that does not power off', () => {
  it('is no long reconcile: each pass asks, and waits for the time of the next check', async () => {
    const bench = await stubborn()
    await bench.wish('Stopped')
    const agent = bench.agent()
    expect(await bench.pass(agent)).toEqual({ kind: 'wait', for: 'shutdown', recheckAfter: 5000 })
    expect(writes(agent)).toEqual(['applyStatus servers'])
    expect(bench.status).toMatchObject({ vmState: 'active', taskState: 'powering-off' })
  })

  it('has its record when it has lasted five seconds, with the time of the first try', async () => {
    const bench = await stubborn()
    await bench.wish('Stopped')
    const started = bench.now()
    const agent = bench.agent()
    await passFor(bench, agent, 5)
    expect(recordOf(bench, 'web-2')).toBeUndefined()
    await bench.pass(agent)
    expect(recordOf(bench, 'web-2')?.status).toEqual({
      phase: 'Running',
      host: 'h1',
      startTime: started,
      steps: [{ name: 'shutdown', startedAt: started }],
    })
    expect(bench.status.actionRecords).toBe(1)
  })

  it('takes the power away when the time of the guest is over, and ends its record', async () => {
    const bench = await stubborn()
    await bench.wish('Stopped')
    const started = bench.clock.now()
    const agent = await bench.rest()
    expect(bench.clock.now() - started).toBe(60_000)
    expect(said(bench)).toMatchObject({ vmState: 'stopped', actionRecords: 2, ready: 'True' })
    expect(bench.records).toEqual(['create Succeeded', 'stop Succeeded'])
    expect(recordOf(bench, 'web-2')?.status?.steps).toMatchObject([{ name: 'shutdown', finishedAt: bench.now() }])
    expect(writes(agent)).toEqual([
      'applyStatus servers',
      'create serveractions',
      'apply serveractions',
      'applyStatus servers',
    ])
  })

  it('keeps its deadline over restarts of the agent', async () => {
    const bench = await stubborn()
    await bench.wish('Stopped')
    const started = bench.clock.now()
    for (let restarts = 0; restarts < 4; restarts++) await passFor(bench, bench.agent(), 13)
    expect(bench.machine.domain?.state).toBe('running')
    await bench.rest()
    expect(bench.clock.now() - started).toBe(60_000)
    expect(bench.records).toEqual(['create Succeeded', 'stop Succeeded'])
  })

  it('ends before another power has its turn that is desired meanwhile', async () => {
    const bench = await stubborn()
    await bench.wish('Stopped')
    const agent = bench.agent()
    await passFor(bench, agent, 20)
    await bench.wish('Running')
    await bench.rest(agent)
    expect(bench.records).toEqual(['create Succeeded', 'stop Succeeded', 'start Succeeded'])
    expect(said(bench)).toMatchObject({
      vmState: 'active',
      reachedPowerState: 'Running',
      ready: 'True',
      actionRecords: 3,
    })
  })

  it('is given up at once when the server is deleted', async () => {
    const bench = await stubborn()
    await bench.wish('Stopped')
    const agent = bench.agent()
    await passFor(bench, agent, 20)
    await bench.delete()
    const before = bench.clock.now()
    await bench.rest(agent)
    expect(bench.clock.now()).toBe(before)
    expect(bench.api.find('servers', 'demo/web')).toBeUndefined()
  })
})

describe('a soft reboot of a guest that does not power off', () => {
  it('has its steps in the record of the request, also after a restart of the agent', async () => {
    const bench = await stubborn()
    const uid = await bench.ask('reboot', { type: 'SOFT' })
    const started = [bench.clock.now(), bench.now()] as const
    await passFor(bench, bench.agent(), 30)
    expect(recordOf(bench, 'reboot-1')?.status?.steps).toEqual([{ name: 'power-off', startedAt: started[1] }])
    await bench.rest()
    expect(bench.clock.now() - started[0]).toBe(120_000)
    expect(recordOf(bench, 'reboot-1')?.status).toMatchObject({
      phase: 'Succeeded',
      steps: [
        { name: 'power-off', startedAt: started[1], finishedAt: bench.now() },
        { name: 'fetch-image' },
        { name: 'prepare' },
        { name: 'define' },
        { name: 'start' },
      ],
    })
    expect(bench.machine.boots.filter((id) => id === uid)).toHaveLength(1)
    expect(bench.status.lastCompletedAction).toBe(uid)
  })
})

describe('a creation whose image comes slowly', () => {
  async function slowly(): Promise<Bench> {
    const bench = new Bench()
    Object.assign(bench.host.images, { checks: 19, checkAfterMs: 1000 })
    await bench.create()
    return bench
  }

  it('shows its progress in the Server no more often than every five seconds, and is recorded once', async () => {
    const bench = await slowly()
    const agent = bench.agent()
    await passFor(bench, agent, 16)
    expect(ready(bench)).toMatchObject({ status: 'False', reason: 'Building', message: '80 % of the image is here' })
    expect(writes(agent)).toEqual(['create serveractions', ...Array(3).fill('applyStatus servers')])
    expect(bench.records).toEqual(['create Running'])
    await bench.rest(agent)
    expect(bench.records).toEqual(['create Succeeded'])
    expect(said(bench)).toMatchObject({ vmState: 'active', actionRecords: 1 })
    expect(bench.host.images.downloads).toBe(1)
  })

  it('joins its record after a restart of the agent', async () => {
    const bench = await slowly()
    await passFor(bench, bench.agent(), 16)
    await bench.rest()
    expect(bench.records).toEqual(['create Succeeded'])
    expect(bench.status.actionRecords).toBe(1)
    expect(bench.machine.boots).toHaveLength(1)
  })

  it('costs a short creation no more than two writes', async () => {
    const bench = new Bench()
    await bench.create()
    expect(writes(await bench.rest())).toEqual(['create serveractions', 'applyStatus servers'])
    expect(recordOf(bench, 'web-1')?.status).not.toHaveProperty('steps')
  })
})

describe('an action that a restart of the agent interrupted', () => {
  it('has its record ended, and counted, when the spec asks for something else by then', async () => {
    const bench = await active({ powerState: 'Stopped' })
    // The image is not in the cache any more: the start has to wait for it.
    bench.host.images.uids.clear()
    Object.assign(bench.host.images, { checks: 99, checkAfterMs: 1000 })
    await bench.wish('Running')
    await passFor(bench, bench.agent(), 10)
    expect(bench.records).toEqual(['create Succeeded', 'start Running'])
    await bench.wish('Stopped')
    await bench.rest()
    expect(bench.records).toEqual(['create Succeeded', 'start Failed'])
    expect(recordOf(bench, 'web-2')?.status).toMatchObject({
      conditions: [{ type: 'Complete', status: 'False', reason: 'Interrupted' }],
    })
    expect(said(bench)).toMatchObject({ vmState: 'stopped', ready: 'True', actionRecords: 2 })
  })

  it('is recorded with its steps, however short it is', async () => {
    const bench = await active()
    await bench.wish('Stopped')
    const dying = bench.agent(new Life().killAt(1, 'before'))
    await expect(bench.pass(dying)).rejects.toThrow('killed at domains.unpause')
    await bench.rest()
    expect(recordOf(bench, 'web-2')?.status?.steps).toMatchObject([{ name: 'shutdown', finishedAt: bench.now() }])
  })
})

describe('an action that is refused', () => {
  afterEach(() => void vi.restoreAllMocks())

  const refuse = (): void => {
    const refused = { refused: { reason: 'InvalidState', message: 'it has no button' } } as const
    vi.spyOn(actions.reboot, 'steps', 'get').mockReturnValue([
      step({ name: 'press', needs: [], do: async () => refused }),
    ])
  }

  it('has failed, and the server stays as it is', async () => {
    const bench = await active()
    const { activeAction: _, ...before } = bench.status
    refuse()
    const uid = await bench.ask('reboot', { type: 'HARD' })
    await bench.rest()
    expect(recordOf(bench, 'reboot-1')?.status).toMatchObject({ phase: 'Failed', message: 'press: it has no button' })
    const { activeAction: __, lastCompletedAction, ...after } = bench.status
    expect(lastCompletedAction).toBe(uid)
    expect({ ...after, conditions: after.conditions?.map(({ type, status }) => [type, status]) }).toEqual({
      ...before,
      conditions: before.conditions?.map(({ type, status }) => [type, status]),
    })
  })

  it('leaves a fault as it was', async () => {
    const bench = await active()
    await bench.ask('reboot', { type: 'HARD' }, 'first')
    await bench.rest(bench.agent(new Life().fail('domains.start', new Error('no such machine'), { times: 3 })))
    const { fault } = bench.status
    expect(fault).toMatchObject({ message: 'start: no such machine' })
    refuse()
    await bench.ask('reboot', { type: 'HARD' }, 'second')
    await bench.rest()
    expect(bench.status).toMatchObject({ vmState: 'error', fault })
    expect(bench.records.slice(1)).toEqual(['reboot Failed', 'reboot Failed'])
  })
})
