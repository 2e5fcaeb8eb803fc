import { describe, expect, it } from 'vitest'
import { Life } from '../../test/fakes/life.ts'
import { conditionTypesOf, startBenchWithActiveServer, summaryOf, unsupportedMachine, writesOf } from './testing.ts'

describe('a requested action', () => {
  it.each(['SOFT', 'HARD'])('reboot %s boots once, and is recorded in its ServerAction', async (type) => {
    const bench = await startBenchWithActiveServer()
    const uid = await bench.requestAction('reboot', { type })
    const agent = await bench.reconcileUntilSettled()
    expect(bench.machine.boots).toEqual([expect.stringContaining('create:'), uid])
    expect(writesOf(agent)).toEqual(['applyStatus servers', 'apply serveractions', 'applyStatus servers'])
    expect(bench.status).toMatchObject({ lastCompletedAction: uid, vmState: 'active', actionRecords: 1 })
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'reboot Succeeded'])
  })

  it('is not repeated by a reconcile on a stale cache', async () => {
    const bench = await startBenchWithActiveServer()
    const uid = await bench.requestAction('reboot', { type: 'HARD' })
    const seen = bench.server
    await bench.reconcileUntilSettled()
    await bench.reconcileOnce(bench.startAgent(), seen)
    await bench.reconcileUntilSettled()
    expect(bench.machine.boots.filter((bootId) => bootId === uid)).toHaveLength(1)
    expect(bench.status.lastCompletedAction).toBe(uid)
  })

  it('is completed when its ServerAction is deleted, which is not created again', async () => {
    const bench = await startBenchWithActiveServer()
    const uid = await bench.requestAction('reboot', { type: 'HARD' })
    await bench.actions.delete({ namespace: 'demo', name: 'reboot-1' })
    await bench.reconcileUntilSettled()
    expect(bench.status.lastCompletedAction).toBe(uid)
    expect(bench.recordSummaries).toEqual(['create Succeeded'])
  })

  it('is not recorded in another ServerAction of the same name', async () => {
    const bench = await startBenchWithActiveServer()
    const uid = await bench.requestAction('reboot', { type: 'HARD' })
    await bench.actions.delete({ namespace: 'demo', name: 'reboot-1' })
    const spec = { server: 'web', action: 'start', start: {} }
    await bench.actions.create({ metadata: { namespace: 'demo', name: 'reboot-1' }, spec })
    await bench.reconcileUntilSettled()
    expect(bench.status.lastCompletedAction).toBe(uid)
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'start undefined'])
  })

  it('that fails for good leads to a fault, and is completed', async () => {
    const bench = await startBenchWithActiveServer()
    const uid = await bench.requestAction('reboot', { type: 'HARD' })
    const agent = await bench.reconcileUntilSettled(
      bench.startAgent(new Life().fail('domains.define', unsupportedMachine)),
    )
    expect(summaryOf(bench)).toMatchObject({
      vmState: 'error',
      fault: 'define: QEMU has no machine q99',
      ready: 'False',
    })
    expect(bench.status.lastCompletedAction).toBe(uid)
    expect(bench.recordSummaries.at(-1)).toBe('reboot Failed')
    expect(agent.events).toMatchObject([{ type: 'Warning', reason: 'UnsupportedHardware' }])
    expect(conditionTypesOf(bench)).toEqual(['Ready', 'Scheduled', 'Stalled'])
  })
})
