import { afterEach, describe, expect, it, vi } from 'vitest'
import { defineStep } from '../../actions/action.ts'
import { actions } from '../../actions/index.ts'
import type { ServerAction } from '../../crds/index.ts'
import { Life } from '../../test/fakes/life.ts'
import {
  type AgentLife,
  Bench,
  readyOf,
  startBenchWithActiveServer,
  startIgnoringPowerButton,
  summaryOf,
  writesOf,
} from './testing.ts'

const recordOf = (bench: Bench, name: string): ServerAction | undefined =>
  bench.api.find('serveractions', `demo/${name}`) as ServerAction | undefined

async function reconcileFor(bench: Bench, agent: AgentLife, seconds: number): Promise<void> {
  const end = bench.clock.now() + seconds * 1000
  while (bench.clock.now() < end) {
    const outcome = await bench.reconcileOnce(agent)
    const waitMs = outcome.kind === 'wait' ? (outcome.recheckAfter ?? 0) : 0
    if (waitMs === 0) return
    await bench.clock.advance(Math.min(waitMs, end - bench.clock.now()))
  }
}

describe('a stop of a guest that does not power off', () => {
  it('does not block: each reconcile asks the guest, and returns the time of the next check', async () => {
    const bench = await startIgnoringPowerButton()
    await bench.setDesiredPower('Stopped')
    const agent = bench.startAgent()
    expect(await bench.reconcileOnce(agent)).toEqual({ kind: 'wait', for: 'shutdown', recheckAfter: 5000 })
    expect(writesOf(agent)).toEqual(['applyStatus servers'])
    expect(bench.status).toMatchObject({ vmState: 'active', taskState: 'powering-off' })
  })

  it('has an action record after five seconds, with the time of the first try', async () => {
    const bench = await startIgnoringPowerButton()
    await bench.setDesiredPower('Stopped')
    const started = bench.now()
    const agent = bench.startAgent()
    await reconcileFor(bench, agent, 5)
    expect(recordOf(bench, 'web-2')).toBeUndefined()
    await bench.reconcileOnce(agent)
    expect(recordOf(bench, 'web-2')?.status).toEqual({
      phase: 'Running',
      host: 'h1',
      startTime: started,
      steps: [{ name: 'shutdown', startedAt: started }],
      conditions: [expect.objectContaining({ type: 'Ready', status: 'False', reason: 'PowerChanging' })],
    })
    expect(bench.status.actionRecords).toBe(1)
  })

  it('destroys the domain after the shutdown timeout, and ends its action record', async () => {
    const bench = await startIgnoringPowerButton()
    await bench.setDesiredPower('Stopped')
    const started = bench.clock.now()
    const agent = await bench.reconcileUntilSettled()
    expect(bench.clock.now() - started).toBe(60_000)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', actionRecords: 2, ready: 'True' })
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'stop Succeeded'])
    expect(recordOf(bench, 'web-2')?.status?.steps).toMatchObject([{ name: 'shutdown', finishedAt: bench.now() }])
    expect(writesOf(agent)).toEqual([
      'applyStatus servers',
      'create serveractions',
      'apply serveractions',
      'applyStatus servers',
    ])
  })

  it('keeps its deadline over restarts of the agent', async () => {
    const bench = await startIgnoringPowerButton()
    await bench.setDesiredPower('Stopped')
    const started = bench.clock.now()
    for (let restarts = 0; restarts < 4; restarts++) await reconcileFor(bench, bench.startAgent(), 13)
    expect(bench.machine.domain?.state).toBe('running')
    await bench.reconcileUntilSettled()
    expect(bench.clock.now() - started).toBe(60_000)
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'stop Succeeded'])
  })

  it('is finished before a power that is desired meanwhile', async () => {
    const bench = await startIgnoringPowerButton()
    await bench.setDesiredPower('Stopped')
    const agent = bench.startAgent()
    await reconcileFor(bench, agent, 20)
    await bench.setDesiredPower('Running')
    await bench.reconcileUntilSettled(agent)
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'stop Succeeded', 'start Succeeded'])
    expect(summaryOf(bench)).toMatchObject({
      vmState: 'active',
      reachedPowerState: 'Running',
      ready: 'True',
      actionRecords: 3,
    })
  })

  it('is aborted at once when the server is deleted', async () => {
    const bench = await startIgnoringPowerButton()
    await bench.setDesiredPower('Stopped')
    const agent = bench.startAgent()
    await reconcileFor(bench, agent, 20)
    await bench.delete()
    const before = bench.clock.now()
    await bench.reconcileUntilSettled(agent)
    expect(bench.clock.now()).toBe(before)
    expect(bench.api.find('servers', 'demo/web')).toBeUndefined()
  })
})

describe('a soft reboot of a guest that does not power off', () => {
  it('has its steps in the ServerAction, also after a restart of the agent', async () => {
    const bench = await startIgnoringPowerButton()
    const uid = await bench.requestAction('reboot', { type: 'SOFT' })
    const started = [bench.clock.now(), bench.now()] as const
    await reconcileFor(bench, bench.startAgent(), 30)
    expect(recordOf(bench, 'reboot-1')?.status?.steps).toEqual([
      { name: 'check-definition', startedAt: started[1], finishedAt: started[1] },
      { name: 'power-off', startedAt: started[1] },
    ])
    await bench.reconcileUntilSettled()
    expect(bench.clock.now() - started[0]).toBe(120_000)
    expect(recordOf(bench, 'reboot-1')?.status).toMatchObject({
      phase: 'Succeeded',
      steps: [
        { name: 'check-definition' },
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

describe('a creation with a slow image download', () => {
  async function createSlowly(): Promise<Bench> {
    const bench = new Bench()
    Object.assign(bench.host.images, { checks: 19, checkAfterMs: 1000 })
    await bench.create()
    return bench
  }

  it('reports its progress in the Server at most every five seconds, and has one action record', async () => {
    const bench = await createSlowly()
    const agent = bench.startAgent()
    await reconcileFor(bench, agent, 16)
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'Building', message: '80 % of the image is here' })
    expect(writesOf(agent)).toEqual(['create serveractions', ...Array(3).fill('applyStatus servers')])
    expect(bench.recordSummaries).toEqual(['create Running'])
    await bench.reconcileUntilSettled(agent)
    expect(bench.recordSummaries).toEqual(['create Succeeded'])
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', actionRecords: 1 })
    expect(bench.host.images.downloads).toBe(1)
  })

  it('continues its action record after a restart of the agent', async () => {
    const bench = await createSlowly()
    await reconcileFor(bench, bench.startAgent(), 16)
    await bench.reconcileUntilSettled()
    expect(bench.recordSummaries).toEqual(['create Succeeded'])
    expect(bench.status.actionRecords).toBe(1)
    expect(bench.machine.boots).toHaveLength(1)
  })

  it('costs only two writes when the image is there at once', async () => {
    const bench = new Bench()
    await bench.create()
    expect(writesOf(await bench.reconcileUntilSettled())).toEqual(['create serveractions', 'applyStatus servers'])
    expect(recordOf(bench, 'web-1')?.status).not.toHaveProperty('steps')
  })
})

describe('an action that a restart of the agent interrupted', () => {
  it('has its action record ended and counted when the spec has changed meanwhile', async () => {
    const bench = await startBenchWithActiveServer({ powerState: 'Stopped' })
    bench.host.images.uids.clear()
    Object.assign(bench.host.images, { checks: 99, checkAfterMs: 1000 })
    await bench.setDesiredPower('Running')
    await reconcileFor(bench, bench.startAgent(), 10)
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'start Running'])
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled()
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'start Failed'])
    expect(recordOf(bench, 'web-2')?.status).toMatchObject({
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: 'Complete', status: 'False', reason: 'Interrupted' }),
        expect.objectContaining({ type: 'Stalled', status: 'True', reason: 'Interrupted' }),
      ]) as unknown,
    })
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', ready: 'True', actionRecords: 2 })
  })

  it('has its action record ended and counted when a try has failed and the spec has changed, without a restart', async () => {
    const bench = await startBenchWithActiveServer({ powerState: 'Stopped' })
    bench.host.images.uids.clear()
    Object.assign(bench.host.images, { checks: 99, checkAfterMs: 1000 })
    await bench.setDesiredPower('Running')
    const agent = bench.startAgent()
    await reconcileFor(bench, agent, 10)
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'start Running'])
    agent.life.fail('images.fetch', new Error('the source is gone'))
    await bench.reconcileOnce(agent)
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled(agent)
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'start Failed'])
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', ready: 'True', actionRecords: 2 })
  })

  it('has its steps in the action record even if they are short', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.setDesiredPower('Stopped')
    const dying = bench.startAgent(new Life().killAt(1, 'before'))
    await expect(bench.reconcileOnce(dying)).rejects.toThrow('killed at domains.requestShutdown')
    await bench.reconcileUntilSettled()
    expect(recordOf(bench, 'web-2')?.status?.steps).toMatchObject([{ name: 'shutdown', finishedAt: bench.now() }])
  })
})

describe('an action that is refused', () => {
  afterEach(() => void vi.restoreAllMocks())

  const refuseReboot = (): void => {
    const refused = { refused: { reason: 'InvalidState', message: 'it has no button' } } as const
    vi.spyOn(actions.reboot, 'steps', 'get').mockReturnValue([
      defineStep({ name: 'press', needs: [], do: async () => refused }),
    ])
  }

  it('fails, and leaves the server as it is', async () => {
    const bench = await startBenchWithActiveServer()
    const { activeAction: _, ...before } = bench.status
    refuseReboot()
    const uid = await bench.requestAction('reboot', { type: 'HARD' })
    await bench.reconcileUntilSettled()
    expect(recordOf(bench, 'reboot-1')?.status).toMatchObject({ phase: 'Failed', message: 'press: it has no button' })
    const { activeAction: __, lastCompletedAction, ...after } = bench.status
    expect(lastCompletedAction).toBe(uid)
    expect({ ...after, conditions: after.conditions?.map(({ type, status }) => [type, status]) }).toEqual({
      ...before,
      conditions: before.conditions?.map(({ type, status }) => [type, status]),
    })
  })

  it('does not change a fault', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction('reboot', { type: 'HARD' }, 'first')
    await bench.reconcileUntilSettled(
      bench.startAgent(new Life().fail('domains.start', new Error('no such machine'), { times: 3 })),
    )
    const { fault } = bench.status
    expect(fault).toMatchObject({ message: 'start: no such machine' })
    refuseReboot()
    await bench.requestAction('reboot', { type: 'HARD' }, 'second')
    await bench.reconcileUntilSettled()
    expect(bench.status).toMatchObject({ vmState: 'error', fault })
    expect(bench.recordSummaries.slice(1)).toEqual(['reboot Failed', 'reboot Failed'])
  })
})

it('a server is built by its own spec when the agent was still building an older one of the same name', async () => {
  const bench = new Bench()
  Object.assign(bench.host.images, { checks: 4, checkAfterMs: 5000 })
  await bench.create()
  const agent = bench.startAgent()
  expect(await bench.reconcileOnce(agent)).toMatchObject({ kind: 'wait', for: 'fetch-image' })
  const { name, namespace = '' } = bench.server.metadata
  await bench.servers.patch({ name, namespace }, { metadata: { finalizers: [] } }, { fieldManager: 'user' })
  await bench.delete()
  await bench.create({ powerState: 'Stopped' })
  await bench.reconcileUntilSettled(agent)
  expect(bench.status).toMatchObject({ vmState: 'stopped', powerState: 'Shutdown' })
  expect(bench.machine.boots).toEqual([])
})
