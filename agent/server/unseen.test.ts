// libvirt is away for long, or the domain cannot be looked at: who says what.
import { describe, expect, it } from 'vitest'
import { ownerOfCondition, Terminal, Transient } from '../../crds/index.ts'
import { Life } from '../../test/fakes/life.ts'
import { type AgentLife, Bench, conditionTypesOf, HOST, readyOf, startActive, summaryOf, writesOf } from './testing.ts'

const why = 'observe: libvirt on h1 does not answer: see that libvirtd runs there; guests that run are not touched'
const unreachable = new Transient('LibvirtUnreachable', 'no connection')

/** One pass, of which nothing but an error can come. */
const reconcileAndFail = async (bench: Bench, agent: AgentLife = bench.startAgent()): Promise<AgentLife> => {
  await expect(bench.reconcileOnce(agent)).rejects.toThrow()
  return agent
}

describe('while libvirt is away', () => {
  it('a server at rest is left as it is said to be', async () => {
    const bench = await startActive()
    bench.isLibvirtAway = true
    expect(writesOf(await reconcileAndFail(bench))).toEqual([])
    expect(readyOf(bench)).toMatchObject({ status: 'True', reason: 'Running' })
  })

  it.each<[string, (bench: Bench) => Promise<unknown>]>([
    ['another power', (bench) => bench.setDesiredPower('Stopped')],
    [
      'another name',
      (bench) => bench.servers.patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'x' } }),
    ],
    ['a deed', (bench) => bench.requestAction('reboot', { type: 'HARD' })],
    ['to be deleted', (bench) => bench.delete()],
  ])('one of which is wished %s says once why it waits, and has it when libvirt is back', async (_, wish) => {
    const bench = await startActive()
    const before = bench.status
    await wish(bench)
    bench.isLibvirtAway = true
    const agent = await reconcileAndFail(bench)
    await reconcileAndFail(bench, agent)
    expect(writesOf(agent)).toEqual(['applyStatus servers'])
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'LibvirtUnreachable', message: why })
    expect(conditionTypesOf(bench)).toEqual(['Ready', 'Reconciling', 'Scheduled'])
    const { conditions: _conditions, activeAction: _action, ...rest } = bench.status
    const { conditions: _before, ...as } = before
    expect(rest).toEqual(as)
    bench.isLibvirtAway = false
    await bench.reconcileUntilSettled()
    const left = bench.api.find('servers', 'demo/web')
    if (left) expect(summaryOf(bench)).toMatchObject({ ready: 'True', fault: undefined })
  })

  it('a creation that was not begun is refused, and its record says why', async () => {
    const bench = new Bench()
    await bench.create()
    bench.isLibvirtAway = true
    await bench.reconcileOnce(bench.startAgent())
    expect(bench.status).toMatchObject({ vmState: 'error', hostRejection: { host: HOST, reason: why } })
    expect(bench.recordSummaries).toEqual(['create Failed'])
  })

  it('one that was begun waits: its domain may run', async () => {
    const bench = new Bench()
    await bench.create()
    const agent = bench.startAgent(new Life().killAt(5, 'after'))
    await bench.reconcileOnce(agent)
    await reconcileAndFail(bench, agent)
    bench.isLibvirtAway = true
    await reconcileAndFail(bench)
    expect(bench.status).not.toHaveProperty('hostRejection')
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'LibvirtUnreachable' })
    bench.isLibvirtAway = false
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True', actionRecords: 1 })
    expect(bench.machine.boots).toHaveLength(1)
  })
})

describe('a domain that cannot be looked at', () => {
  it('for libvirt is just gone: nothing is said', async () => {
    const bench = await startActive()
    await bench.setDesiredPower('Stopped')
    expect(
      writesOf(await reconcileAndFail(bench, bench.startAgent(new Life().fail('domains.observe', unreachable)))),
    ).toEqual([])
  })

  it.each([
    new Transient('LibvirtBusy', 'libvirt is still starting the domain'),
    new Terminal('InvalidXML', 'domain metadata: cannot be read'),
  ])('for another reason: who waits says it ($code)', async (error) => {
    const bench = await startActive()
    await bench.setDesiredPower('Stopped')
    await reconcileAndFail(bench, bench.startAgent(new Life().fail('domains.observe', error)))
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: error.code, message: `observe: ${error.message}` })
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', ready: 'True' })
  })
})

it('reports once that a server that was not built yet cannot be observed, and the status is then the agent’s', async () => {
  const bench = new Bench()
  await bench.create()
  const busy = new Transient('LibvirtBusy', 'libvirt is still starting the domain')
  const agent = bench.startAgent(new Life().fail('domains.observe', busy, { times: 2 }))
  await reconcileAndFail(bench, agent)
  await reconcileAndFail(bench, agent)
  expect(writesOf(agent)).toEqual(['applyStatus servers'])
  expect(ownerOfCondition('Server', 'Ready', bench.status as never)).toBe('agent')
  expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'LibvirtBusy' })
  await bench.reconcileUntilSettled()
  expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True', actionRecords: 1 })
})

describe('a domain that ends again and again', () => {
  /** It dies, and the agent hears of it. */
  async function crashDomain(bench: Bench, agent: AgentLife) {
    bench.host.turnDomainOff(bench.server.metadata.uid ?? '', 'crashed')
    return bench.reconcileOnce(agent)
  }

  it('is started at once, then later each time, and says so', async () => {
    const bench = await startActive()
    const agent = bench.startAgent()
    expect(await crashDomain(bench, agent)).toMatchObject({ kind: 'done' })
    for (const [count, delayMs] of [
      [1, 10_000],
      [2, 20_000],
      [3, 40_000],
    ] as const) {
      const before = bench.machine.boots.length
      expect(await crashDomain(bench, agent)).toEqual({ kind: 'wait', for: 'the next try', recheckAfter: delayMs })
      expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'RestartDelayed' })
      expect(readyOf(bench)?.message).toContain(`after ${count === 1 ? 'a restart' : `${count} restarts in a row`}`)
      // An event meanwhile neither starts it nor writes anything.
      const { length } = writesOf(agent)
      await bench.reconcileOnce(agent)
      expect([bench.machine.boots.length, writesOf(agent).length]).toEqual([before, length])
      await bench.clock.advance(delayMs)
      await bench.reconcileOnce(agent)
      expect(bench.machine.boots).toHaveLength(before + 1)
      expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
    }
  })

  it('is stopped, or started by a deed, without that wait', async () => {
    const bench = await startActive()
    const agent = bench.startAgent()
    await crashDomain(bench, agent)
    await crashDomain(bench, agent)
    await bench.requestAction('start')
    await bench.reconcileOnce(agent)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
    await crashDomain(bench, agent)
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled(agent)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', ready: 'True' })
  })
})
