import { describe, expect, it } from 'vitest'
import { ownerOfCondition, Terminal, Transient } from '../../crds/index.ts'
import { Life } from '../../test/fakes/life.ts'
import {
  type AgentLife,
  Bench,
  conditionTypesOf,
  HOST,
  readyOf,
  startBenchWithActiveServer,
  summaryOf,
  writesOf,
} from './testing.ts'

const why = 'observe: libvirt on h1 does not answer: see that libvirtd runs there; guests that run are not touched'
const unreachable = new Transient('LibvirtUnreachable', 'no connection')

/** Reconciles once and expects an error. */
const reconcileAndFail = async (bench: Bench, agent: AgentLife = bench.startAgent()): Promise<AgentLife> => {
  await expect(bench.reconcileOnce(agent)).rejects.toThrow()
  return agent
}

describe('reconcileServer while libvirt does not answer', () => {
  it('writes nothing for a server for which nothing is pending', async () => {
    const bench = await startBenchWithActiveServer()
    bench.isLibvirtAway = true
    expect(writesOf(await reconcileAndFail(bench))).toEqual([])
    expect(readyOf(bench)).toMatchObject({ status: 'True', reason: 'Running' })
  })

  it.each<[string, (bench: Bench) => Promise<unknown>]>([
    ['a new desired power', (bench) => bench.setDesiredPower('Stopped')],
    [
      'a new displayName',
      (bench) => bench.servers.patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'x' } }),
    ],
    ['a requested action', (bench) => bench.requestAction('reboot', { type: 'HARD' })],
    ['a deletion', (bench) => bench.delete()],
  ])('reports once that %s waits, and does it when libvirt is back', async (_, change) => {
    const bench = await startBenchWithActiveServer()
    const before = bench.status
    await change(bench)
    bench.isLibvirtAway = true
    const agent = await reconcileAndFail(bench)
    await reconcileAndFail(bench, agent)
    expect(writesOf(agent)).toEqual(['applyStatus servers'])
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'LibvirtUnreachable', message: why })
    expect(conditionTypesOf(bench)).toEqual(['Ready', 'Reconciling', 'Scheduled'])
    const { conditions: _conditions, activeAction: _action, ...rest } = bench.status
    const { conditions: _before, ...restBefore } = before
    expect(rest).toEqual(restBefore)
    bench.isLibvirtAway = false
    await bench.reconcileUntilSettled()
    const found = bench.api.find('servers', 'demo/web')
    if (found) expect(summaryOf(bench)).toMatchObject({ ready: 'True', fault: undefined })
  })

  it('rejects a creation that was not begun, with the reason in its action record', async () => {
    const bench = new Bench()
    await bench.create()
    bench.isLibvirtAway = true
    await bench.reconcileOnce(bench.startAgent())
    expect(bench.status).toMatchObject({ vmState: 'error', hostRejection: { host: HOST, reason: why } })
    expect(bench.recordSummaries).toEqual(['create Failed'])
  })

  it('waits with a creation that was begun, because its domain may run', async () => {
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

describe('reconcileServer when the domain cannot be observed', () => {
  it('reports nothing when libvirt has just gone away', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.setDesiredPower('Stopped')
    expect(
      writesOf(await reconcileAndFail(bench, bench.startAgent(new Life().fail('domains.observe', unreachable)))),
    ).toEqual([])
  })

  it.each([
    new Transient('LibvirtBusy', 'libvirt is still starting the domain'),
    new Terminal('InvalidXML', 'domain metadata: cannot be read'),
  ])('reports the reason $code when an action is pending', async (error) => {
    const bench = await startBenchWithActiveServer()
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

describe('reconcileServer of a domain that ends again and again', () => {
  async function crashDomain(bench: Bench, agent: AgentLife) {
    bench.host.turnDomainOff(bench.server.metadata.uid ?? '', 'crashed')
    return bench.reconcileOnce(agent)
  }

  it('restarts the domain at once, and then with a growing delay that it reports', async () => {
    const bench = await startBenchWithActiveServer()
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
      const { length } = writesOf(agent)
      await bench.reconcileOnce(agent)
      expect([bench.machine.boots.length, writesOf(agent).length]).toEqual([before, length])
      await bench.clock.advance(delayMs)
      await bench.reconcileOnce(agent)
      expect(bench.machine.boots).toHaveLength(before + 1)
      expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
    }
  })

  it('runs a requested start and a stop without that delay', async () => {
    const bench = await startBenchWithActiveServer()
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
