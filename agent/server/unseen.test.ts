// libvirt is away for long, or the domain cannot be looked at: who says what.
import { describe, expect, it } from 'vitest'
import { ownerOfCondition, Terminal, Transient } from '../../crds/index.ts'
import { Life } from '../../test/fakes/life.ts'
import { type AgentLife, active, Bench, HOST, ready, said, types, writes } from './testing.ts'

const why = 'observe: libvirt on h1 does not answer: see that libvirtd runs there; guests that run are not touched'
const unreachable = new Transient('LibvirtUnreachable', 'no connection')

/** One pass, of which nothing but an error can come. */
const fails = async (bench: Bench, agent: AgentLife = bench.agent()): Promise<AgentLife> => {
  await expect(bench.pass(agent)).rejects.toThrow()
  return agent
}

describe('while libvirt is away', () => {
  it('a server at rest is left as it is said to be', async () => {
    const bench = await active()
    bench.away = true
    expect(writes(await fails(bench))).toEqual([])
    expect(ready(bench)).toMatchObject({ status: 'True', reason: 'Running' })
  })

  it.each<[string, (bench: Bench) => Promise<unknown>]>([
    ['another power', (bench) => bench.wish('Stopped')],
    [
      'another name',
      (bench) => bench.servers.patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'x' } }),
    ],
    ['a deed', (bench) => bench.ask('reboot', { type: 'HARD' })],
    ['to be deleted', (bench) => bench.delete()],
  ])('one of which is wished %s says once why it waits, and has it when libvirt is back', async (_, wish) => {
    const bench = await active()
    const before = bench.status
    await wish(bench)
    bench.away = true
    const agent = await fails(bench)
    await fails(bench, agent)
    expect(writes(agent)).toEqual(['applyStatus servers'])
    expect(ready(bench)).toMatchObject({ status: 'False', reason: 'LibvirtUnreachable', message: why })
    expect(types(bench)).toEqual(['Ready', 'Reconciling', 'Scheduled'])
    const { conditions: _conditions, activeAction: _action, ...rest } = bench.status
    const { conditions: _before, ...as } = before
    expect(rest).toEqual(as)
    bench.away = false
    await bench.rest()
    const left = bench.api.find('servers', 'demo/web')
    if (left) expect(said(bench)).toMatchObject({ ready: 'True', fault: undefined })
  })

  it('a creation that was not begun is refused, and its record says why', async () => {
    const bench = new Bench()
    await bench.create()
    bench.away = true
    await bench.pass(bench.agent())
    expect(bench.status).toMatchObject({ vmState: 'error', hostRejection: { host: HOST, reason: why } })
    expect(bench.records).toEqual(['create Failed'])
  })

  it('one that was begun waits: its domain may run', async () => {
    const bench = new Bench()
    await bench.create()
    const agent = bench.agent(new Life().killAt(5, 'after'))
    await bench.pass(agent)
    await fails(bench, agent)
    bench.away = true
    await fails(bench)
    expect(bench.status).not.toHaveProperty('hostRejection')
    expect(ready(bench)).toMatchObject({ status: 'False', reason: 'LibvirtUnreachable' })
    bench.away = false
    await bench.rest()
    expect(said(bench)).toMatchObject({ vmState: 'active', ready: 'True', actionRecords: 1 })
    expect(bench.machine.boots).toHaveLength(1)
  })
})

describe('a domain that cannot be looked at', () => {
  it('for libvirt is just gone: nothing is said', async () => {
    const bench = await active()
    await bench.wish('Stopped')
    expect(writes(await fails(bench, bench.agent(new Life().fail('domains.observe', unreachable))))).toEqual([])
  })

  it.each([
    new Transient('LibvirtBusy', 'libvirt is still starting the domain'),
    new Terminal('InvalidXML', 'domain metadata: cannot be read'),
  ])('for another reason: who waits says it ($code)', async (error) => {
    const bench = await active()
    await bench.wish('Stopped')
    await fails(bench, bench.agent(new Life().fail('domains.observe', error)))
    expect(ready(bench)).toMatchObject({ status: 'False', reason: error.code, message: `observe: ${error.message}` })
    await bench.rest()
    expect(said(bench)).toMatchObject({ vmState: 'stopped', ready: 'True' })
  })
})

it('reports once that a server that was not built yet cannot be observed, and the status is then the agent’s', async () => {
  const bench = new Bench()
  await bench.create()
  const busy = new Transient('LibvirtBusy', 'libvirt is still starting the domain')
  const agent = bench.agent(new Life().fail('domains.observe', busy, { times: 2 }))
  await fails(bench, agent)
  await fails(bench, agent)
  expect(writes(agent)).toEqual(['applyStatus servers'])
  expect(ownerOfCondition('Server', 'Ready', bench.status as never)).toBe('agent')
  expect(ready(bench)).toMatchObject({ status: 'False', reason: 'LibvirtBusy' })
  await bench.rest()
  expect(said(bench)).toMatchObject({ vmState: 'active', ready: 'True', actionRecords: 1 })
})

describe('a domain that ends again and again', () => {
  /** It dies, and the agent hears of it. */
  async function dies(bench: Bench, agent: AgentLife) {
    bench.host.turnDomainOff(bench.server.metadata.uid ?? '', 'crashed')
    return bench.pass(agent)
  }

  it('is started at once, then later each time, and says so', async () => {
    const bench = await active()
    const agent = bench.agent()
    expect(await dies(bench, agent)).toMatchObject({ kind: 'done' })
    for (const [count, delayMs] of [
      [1, 10_000],
      [2, 20_000],
      [3, 40_000],
    ] as const) {
      const before = bench.machine.boots.length
      expect(await dies(bench, agent)).toEqual({ kind: 'wait', for: 'the next try', recheckAfter: delayMs })
      expect(ready(bench)).toMatchObject({ status: 'False', reason: 'RestartDelayed' })
      expect(ready(bench)?.message).toContain(`after ${count === 1 ? 'a restart' : `${count} restarts in a row`}`)
      // An event meanwhile neither starts it nor writes anything.
      const { length } = writes(agent)
      await bench.pass(agent)
      expect([bench.machine.boots.length, writes(agent).length]).toEqual([before, length])
      await bench.clock.advance(delayMs)
      await bench.pass(agent)
      expect(bench.machine.boots).toHaveLength(before + 1)
      expect(said(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
    }
  })

  it('is stopped, or started by a deed, without that wait', async () => {
    const bench = await active()
    const agent = bench.agent()
    await dies(bench, agent)
    await dies(bench, agent)
    await bench.ask('start')
    await bench.pass(agent)
    expect(said(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
    await dies(bench, agent)
    await bench.wish('Stopped')
    await bench.rest(agent)
    expect(said(bench)).toMatchObject({ vmState: 'stopped', ready: 'True' })
  })
})
