import { describe, expect, it } from 'vitest'
import { Killed, Life } from '../../test/fakes/life.ts'
import {
  Bench,
  startBenchWithActiveServer,
  startBenchWithServerInError,
  startIgnoringPowerButton,
  summaryOf,
} from './testing.ts'

const withoutTimes = (status: object | undefined): unknown =>
  JSON.parse(JSON.stringify(status ?? {}).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time'))

describe('a crash of the agent before or after each effect leads to the same end, without a repeated action:', () => {
  const stories: Record<string, { given: () => Promise<Bench>; when: (bench: Bench) => Promise<unknown> }> = {
    create: { given: async () => new Bench(), when: (b) => b.create() },
    stop: { given: startBenchWithActiveServer, when: (b) => b.setDesiredPower('Stopped') },
    start: {
      given: () => startBenchWithActiveServer({ powerState: 'Stopped' }),
      when: (b) => b.setDesiredPower('Running'),
    },
    pause: { given: startBenchWithActiveServer, when: (b) => b.setDesiredPower('Paused') },
    unpause: {
      given: () => startBenchWithActiveServer({ powerState: 'Paused' }),
      when: (b) => b.setDesiredPower('Running'),
    },
    suspend: { given: startBenchWithActiveServer, when: (b) => b.setDesiredPower('Suspended') },
    resume: {
      given: () => startBenchWithActiveServer({ powerState: 'Suspended' }),
      when: (b) => b.setDesiredPower('Running'),
    },
    'stop of a paused server': {
      given: () => startBenchWithActiveServer({ powerState: 'Paused' }),
      when: (b) => b.setDesiredPower('Stopped'),
    },
    'suspend of a stopped server': {
      given: () => startBenchWithActiveServer({ powerState: 'Stopped' }),
      when: (b) => b.setDesiredPower('Suspended'),
    },
    'reboot SOFT': { given: startBenchWithActiveServer, when: (b) => b.requestAction('reboot', { type: 'SOFT' }) },
    'reboot HARD': { given: startBenchWithActiveServer, when: (b) => b.requestAction('reboot', { type: 'HARD' }) },
    'requested start': {
      given: async () => {
        const bench = await startBenchWithActiveServer()
        bench.host.turnDomainOff(bench.server.metadata.uid!, 'shutdown')
        await bench.reconcileUntilSettled()
        return bench
      },
      when: (b) => b.requestAction('start'),
    },
    'requested start of a server that was never created and should be off': {
      given: () => startBenchWithServerInError('define', 'Stopped'),
      when: (b) => b.requestAction('start'),
    },
    'requested start of a server that could not be stopped': {
      given: () => startBenchWithServerInError('shutdown', 'Stopped', 'Running'),
      when: (b) => b.requestAction('start'),
    },
    'requested start of a server that could not be paused': {
      given: () => startBenchWithServerInError('start', 'Paused', 'Stopped'),
      when: (b) => b.requestAction('start'),
    },
    'stop of a guest that does not power off': {
      given: startIgnoringPowerButton,
      when: (b) => b.setDesiredPower('Stopped'),
    },
    'reboot SOFT of a guest that does not power off': {
      given: startIgnoringPowerButton,
      when: (b) => b.requestAction('reboot', { type: 'SOFT' }),
    },
    'create with a slow image download': {
      given: async () => {
        const bench = new Bench()
        Object.assign(bench.host.images, { checks: 4, checkAfterMs: 5000 })
        return bench
      },
      when: (b) => b.create(),
    },
    'domain killed on the host': {
      given: startBenchWithActiveServer,
      when: async (b) => b.host.turnDomainOff(b.server.metadata.uid!, 'destroyed'),
    },
    'domain undefined on the host': {
      given: startBenchWithActiveServer,
      when: async (b) => void (b.machine.domain = undefined),
    },
    delete: { given: startBenchWithActiveServer, when: (b) => b.delete() },
  }

  const finalStateOf = (bench: Bench): object => ({
    servers: bench.api.list<Bench['server']>('servers').map(({ metadata, spec, status }) => ({
      spec,
      status: withoutTimes(status),
      finalizers: metadata.finalizers,
    })),
    records: bench.recordSummaries,
    reopenedRecords: bench.reopenedRecords,
    empty: bench.host.isEmpty('00000000-0000-4000-8000-000000000001'),
    boots: bench.host.machine('00000000-0000-4000-8000-000000000001').boots,
  })

  it.each(Object.keys(stories))('%s', async (name) => {
    const { given, when } = stories[name]!
    const bench = await given()
    await when(bench)
    const { life } = await bench.reconcileUntilSettled()
    const end = finalStateOf(bench)
    expect(bench.reopenedRecords).toEqual([])
    for (let at = 0; at < life.effects.length; at++)
      for (const side of ['before', 'after'] as const) {
        const again = await given()
        await when(again)
        await expect(again.reconcileUntilSettled(again.startAgent(new Life().killAt(at, side)))).rejects.toThrow(Killed)
        await again.reconcileUntilSettled()
        expect(finalStateOf(again), `${side} ${life.effects[at]}`).toEqual(end)
      }
  })

  it('finishes a suspend when the spec asks for Running again while the agent is dead, and resumes it then', async () => {
    const first = await startBenchWithActiveServer()
    await first.setDesiredPower('Suspended')
    const { life } = await first.reconcileUntilSettled()
    for (let at = 0; at < life.effects.length; at++)
      for (const side of ['before', 'after'] as const) {
        const bench = await startBenchWithActiveServer()
        await bench.setDesiredPower('Suspended')
        await expect(bench.reconcileUntilSettled(bench.startAgent(new Life().killAt(at, side)))).rejects.toThrow(Killed)
        const isSuspend = bench.machine.domain?.state !== 'running' || bench.status.taskState === 'suspending'
        await bench.setDesiredPower('Running')
        await bench.reconcileUntilSettled()
        const point = `${side} ${life.effects[at]}`
        expect(summaryOf(bench), point).toMatchObject({ vmState: 'active', ready: 'True', taskState: undefined })
        expect(bench.recordSummaries.slice(1), point).toEqual(
          isSuspend ? ['suspend Succeeded', 'resume Succeeded'] : [],
        )
        expect(bench.machine.boots, point).toHaveLength(1)
      }
  })

  it('finishes an announced stop, and then starts, when the spec asks for Running while the agent is dead', async () => {
    const first = await startBenchWithActiveServer()
    await first.setDesiredPower('Stopped')
    const { life } = await first.reconcileUntilSettled()
    for (let at = 0; at < life.effects.length; at++)
      for (const side of ['before', 'after'] as const) {
        const bench = await startBenchWithActiveServer()
        await bench.setDesiredPower('Stopped')
        await expect(bench.reconcileUntilSettled(bench.startAgent(new Life().killAt(at, side)))).rejects.toThrow(Killed)
        // As in Nova, a stop that the status announces (powering-off) is finished first.
        const isStop = bench.machine.domain?.state === 'off' || bench.status.taskState === 'powering-off'
        await bench.setDesiredPower('Running')
        await bench.reconcileUntilSettled()
        expect(summaryOf(bench), `${side} ${life.effects[at]}`).toMatchObject({
          vmState: 'active',
          ready: 'True',
          taskState: undefined,
        })
        expect(bench.recordSummaries.slice(1), `${side} ${life.effects[at]}`).toEqual(
          isStop ? ['stop Succeeded', 'start Succeeded'] : [],
        )
      }
  })
})
