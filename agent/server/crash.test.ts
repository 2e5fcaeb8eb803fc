import { describe, expect, it } from 'vitest'
import { Killed, Life } from '../../test/fakes/life.ts'
import { active, Bench, inError, said } from './testing.ts'

async function stubborn(): Promise<Bench> {
  const bench = await active()
  bench.machine.obeysPowerButton = false
  return bench
}

/** A recovery may wait longer than a run without a crash. */
const withoutTimes = (status: object | undefined): unknown =>
  JSON.parse(JSON.stringify(status ?? {}).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time'))

describe('crashes: after each write and each effect the end is the same, with one record, and nothing is done twice', () => {
  const stories: Record<string, { given: () => Promise<Bench>; when: (bench: Bench) => Promise<unknown> }> = {
    create: { given: async () => new Bench(), when: (b) => b.create() },
    stop: { given: active, when: (b) => b.wish('Stopped') },
    start: { given: () => active({ powerState: 'Stopped' }), when: (b) => b.wish('Running') },
    pause: { given: active, when: (b) => b.wish('Paused') },
    unpause: { given: () => active({ powerState: 'Paused' }), when: (b) => b.wish('Running') },
    suspend: { given: active, when: (b) => b.wish('Suspended') },
    resume: { given: () => active({ powerState: 'Suspended' }), when: (b) => b.wish('Running') },
    'stop, paused': { given: () => active({ powerState: 'Paused' }), when: (b) => b.wish('Stopped') },
    'suspend, stopped': { given: () => active({ powerState: 'Stopped' }), when: (b) => b.wish('Suspended') },
    'reboot SOFT': { given: active, when: (b) => b.ask('reboot', { type: 'SOFT' }) },
    'reboot HARD': { given: active, when: (b) => b.ask('reboot', { type: 'HARD' }) },
    'deed start': {
      given: async () => {
        const bench = await active()
        bench.host.turnDomainOff(bench.server.metadata.uid!, 'shutdown')
        await bench.rest()
        return bench
      },
      when: (b) => b.ask('start'),
    },
    'deed start of one that was never made and shall be off': {
      given: () => inError('define', 'Stopped'),
      when: (b) => b.ask('start'),
    },
    'deed start of one that could not be stopped': {
      given: () => inError('shutdown', 'Stopped', 'Running'),
      when: (b) => b.ask('start'),
    },
    'deed start of one that could not be paused': {
      given: () => inError('start', 'Paused', 'Stopped'),
      when: (b) => b.ask('start'),
    },
    'stop of a guest that does not power off': { given: stubborn, when: (b) => b.wish('Stopped') },
    'reboot SOFT of a guest that does not power off': {
      given: stubborn,
      when: (b) => b.ask('reboot', { type: 'SOFT' }),
    },
    'create with an image that comes slowly': {
      given: async () => {
        const bench = new Bench()
        Object.assign(bench.host.images, { checks: 4, checkAfterMs: 5000 })
        return bench
      },
      when: (b) => b.create(),
    },
    killed: { given: active, when: async (b) => b.host.turnDomainOff(b.server.metadata.uid!, 'destroyed') },
    undefined: { given: active, when: async (b) => void (b.machine.domain = undefined) },
    delete: { given: active, when: (b) => b.delete() },
  }

  const endOf = (bench: Bench): object => ({
    servers: bench.api.list<Bench['server']>('servers').map(({ metadata, spec, status }) => ({
      spec,
      status: withoutTimes(status),
      finalizers: metadata.finalizers,
    })),
    records: bench.records,
    empty: bench.host.isEmpty('00000000-0000-4000-8000-000000000001'),
    boots: bench.host.machine('00000000-0000-4000-8000-000000000001').boots,
  })

  it.each(Object.keys(stories))('%s', async (name) => {
    const { given, when } = stories[name]!
    const bench = await given()
    await when(bench)
    const { life } = await bench.rest()
    const end = endOf(bench)
    for (let at = 0; at < life.effects.length; at++)
      for (const side of ['before', 'after'] as const) {
        const again = await given()
        await when(again)
        await expect(again.rest(again.agent(new Life().killAt(at, side)))).rejects.toThrow(Killed)
        await again.rest()
        expect(endOf(again), `${side} ${life.effects[at]}`).toEqual(end)
      }
  })

  it('a wish that changes while the agent is dead gets a record of its own, and its way', async () => {
    const first = await active()
    await first.wish('Stopped')
    const { life } = await first.rest()
    for (let at = 0; at < life.effects.length; at++)
      for (const side of ['before', 'after'] as const) {
        const bench = await active()
        await bench.wish('Stopped')
        await expect(bench.rest(bench.agent(new Life().killAt(at, side)))).rejects.toThrow(Killed)
        // What was announced is ended, as Nova does, whatever is wished by then: the guest may have been asked.
        const isStop = bench.machine.domain?.state === 'off' || bench.status.taskState === 'powering-off'
        await bench.wish('Running')
        await bench.rest()
        expect(said(bench), `${side} ${life.effects[at]}`).toMatchObject({
          vmState: 'active',
          ready: 'True',
          taskState: undefined,
        })
        expect(bench.records.slice(1), `${side} ${life.effects[at]}`).toEqual(
          isStop ? ['stop Succeeded', 'start Succeeded'] : [],
        )
      }
  })
})
