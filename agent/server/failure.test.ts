import { describe, expect, it } from 'vitest'
import { wrapHost } from '../../actions/host/wrap.ts'
import { type DesiredPower, FINALIZER, Terminal, Transient } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Life } from '../../test/fakes/life.ts'
import { Bench, HOST, hostCallOf, readyOf, startActive, startInError, summaryOf, writesOf } from './testing.ts'

const busy = new Transient('LibvirtError', 'libvirt is busy')
const broken = new Terminal('UnsupportedHardware', 'QEMU has no machine q99')

describe('deletion', () => {
  it('leaves nothing, neither here nor there', async () => {
    const bench = await startActive()
    const { uid = '' } = bench.server.metadata
    await bench.delete()
    const agent = await bench.reconcileUntilSettled()
    expect(bench.api.find('servers', 'demo/web')).toBeUndefined()
    expect(bench.host.isEmpty(uid)).toBe(true)
    expect(writesOf(agent)).toEqual(['applyStatus servers', 'patch servers'])
    expect(agent.events).toMatchObject([{ type: 'Normal', reason: 'Delete', note: 'delete done on h1' }])
  })

  it('comes before a deed and before a fault', async () => {
    const bench = await startActive()
    await bench.requestAction('reboot', { type: 'HARD' })
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.define', broken)))
    await bench.requestAction('start')
    await bench.delete()
    await bench.reconcileUntilSettled()
    expect(bench.api.list('servers')).toEqual([])
  })

  it('is tried for ever, and says why it waits', async () => {
    const bench = await startActive()
    await bench.delete()
    const agent = bench.startAgent(new Life().fail('domains.undefine', busy, { times: 20 }))
    for (let i = 0; i < 10; i++) {
      await bench.reconcileOnce(agent)
      await bench.clock.advance(60_000)
    }
    expect(bench.status).toMatchObject({ taskState: 'deleting', vmState: 'active' })
    expect(readyOf(bench)).toMatchObject({ reason: 'LibvirtError', message: 'undefine: libvirt is busy' })
    await bench.reconcileUntilSettled(agent)
    expect(bench.api.list('servers')).toEqual([])
  })

  it('stops what is under way', async () => {
    const bench = await startActive()
    await bench.requestAction('reboot', { type: 'HARD' })
    const stop = new AbortController()
    stop.abort(new Error('the server is to be deleted'))
    await expect(bench.reconcileOnce(bench.startAgent(), bench.server, stop.signal)).rejects.toThrow('to be deleted')
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'reboot undefined'])
  })
})

describe('errors', () => {
  it('a passing one is tried again, later each time, and costs no record', async () => {
    const bench = await startActive()
    await bench.setDesiredPower('Stopped')
    const agent = bench.startAgent(new Life().fail('domains.requestShutdown', busy, { times: 2 }))
    const from = bench.clock.now()
    expect(await bench.reconcileOnce(agent)).toMatchObject({ kind: 'wait', for: 'LibvirtError', recheckAfter: 1000 })
    expect(readyOf(bench)).toMatchObject({
      status: 'False',
      reason: 'LibvirtError',
      message: 'shutdown: libvirt is busy',
    })
    // An event meanwhile does not bring it forward.
    const { length } = agent.life.effects
    expect(await bench.reconcileOnce(agent)).toMatchObject({ kind: 'wait', recheckAfter: 1000 })
    expect(agent.life.effects).toHaveLength(length)
    await bench.reconcileUntilSettled(agent)
    expect(bench.clock.now() - from).toBe(3000)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', actionRecords: 2, fault: undefined })
  })

  it('one that does not pass is a fault after some tries; it stands until the spec changes', async () => {
    const bench = await startActive()
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.requestShutdown', busy, { times: 3 })))
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error', fault: 'shutdown: libvirt is busy', actionRecords: 2 })
    const { fault } = bench.status
    await bench.clock.advance(3_600_000)
    await bench.reconcileUntilSettled()
    expect(bench.status.fault).toEqual(fault)
    await bench.servers.patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'other' } })
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', fault: undefined, ready: 'True' })
    expect(bench.status).not.toHaveProperty('fault')
  })

  it('a fault stands until a deed, too', async () => {
    const bench = await startActive()
    await bench.requestAction('reboot', { type: 'HARD' })
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.start', broken)))
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error' })
    await bench.requestAction('start')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', fault: undefined, ready: 'True' })
  })

  it('a creation that fails is cleaned up, refused, and the next host creates it', async () => {
    const bench = new Bench()
    await bench.create()
    const { uid = '' } = bench.server.metadata
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.start', busy, { times: 3 })))
    expect(bench.host.isEmpty(uid)).toBe(true)
    expect(bench.status).toMatchObject({
      vmState: 'error',
      hostRejection: { host: HOST, reason: 'start: libvirt is busy' },
      fault: { message: 'start: libvirt is busy', details: 'LibvirtError' },
    })
    expect(bench.status).not.toHaveProperty('launchedAt')
    expect(bench.recordSummaries).toEqual(['create Failed'])
  })

  it('a creation that can succeed nowhere is not refused', async () => {
    const bench = new Bench()
    await bench.create()
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.define', broken)))
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error', fault: 'define: QEMU has no machine q99' })
    expect(bench.status).not.toHaveProperty('hostRejection')
    await bench.requestAction('start')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True', fault: undefined })
  })

  it('and when it is tried again and fails again, that leaves nothing either', async () => {
    const bench = new Bench()
    await bench.create()
    const { uid = '' } = bench.server.metadata
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.define', broken)))
    await bench.requestAction('start')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.start', busy, { times: 3 })))
    expect(bench.host.isEmpty(uid)).toBe(true)
    expect(bench.status).toMatchObject({
      vmState: 'error',
      hostRejection: { host: HOST, reason: 'start: libvirt is busy' },
    })
    expect(bench.recordSummaries).toEqual(['create Failed', 'start Failed'])
  })

  it.each(['create serveractions', 'applyStatus servers', 'domains.observe', 'domains.runningBootId'])(
    '%s fails once: it ends as without',
    async (call) => {
      for (const when of ['before', 'after'] as const) {
        const bench = new Bench()
        await bench.create()
        const away = new ApiError({ request: 'fake', status: 0 })
        await bench.reconcileUntilSettled(bench.startAgent(new Life().fail(call, away, { when })))
        expect(summaryOf(bench), when).toMatchObject({ vmState: 'active', ready: 'True', actionRecords: 1 })
        expect(bench.recordSummaries).toEqual(['create Succeeded'])
      }
    },
  )

  it('a wish that changes while the old one fails is not taken for the one that failed', async () => {
    const bench = await startActive()
    await bench.setDesiredPower('Stopped')
    const agent = bench.startAgent()
    let isFirst = true
    agent.deps.host = wrapHost(agent.deps.host, async ({ name }, act) => {
      if (name !== 'domains.requestShutdown' || !isFirst) return act()
      isFirst = false
      await bench.servers.patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'meanwhile' } })
      await act()
      throw broken
    })
    await bench.reconcileUntilSettled(agent)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', fault: undefined, ready: 'True' })
    expect(bench.recordSummaries.slice(1)).toEqual(['stop Failed'])
  })

  it('nor one that changed before the old one was announced', async () => {
    const bench = await startActive()
    await bench.setDesiredPower('Stopped')
    const seen = bench.server
    await bench.servers.patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'meanwhile' } })
    const agent = bench.startAgent(new Life().fail('domains.requestShutdown', broken))
    await bench.reconcileOnce(agent, seen)
    expect(bench.status).toMatchObject({ vmState: 'error', observedGeneration: 2 })
    await bench.reconcileUntilSettled(agent)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', fault: undefined, ready: 'True' })
  })

  it('a finalizer that someone adds during the deletion is left to them', async () => {
    const bench = await startActive()
    await bench.servers.patch(
      { namespace: 'demo', name: 'web' },
      { metadata: { finalizers: ['example.com/x', FINALIZER] } },
    )
    await bench.delete()
    await bench.reconcileUntilSettled()
    expect(bench.server.metadata.finalizers).toEqual(['example.com/x'])
    expect(bench.machine.domain).toBeUndefined()
  })
})

describe('a start of a server in error is another try of what is wished', () => {
  const none = undefined
  // what failed, on the way from which wish (none: its creation) to which → how it is then, what else was recorded, how
  // often it was booted
  const rows: [string, DesiredPower | undefined, DesiredPower, string, string[], number][] = [
    ['define', none, 'Running', 'active', [], 1],
    ['define', none, 'Stopped', 'stopped', [], 0],
    ['define', none, 'Paused', 'paused', ['pause Succeeded'], 1],
    ['start', none, 'Suspended', 'suspended', ['suspend Succeeded'], 1],
    ['shutdown', 'Running', 'Stopped', 'stopped', [], 1],
    ['pause', 'Running', 'Paused', 'paused', [], 1],
    ['save', 'Running', 'Suspended', 'suspended', [], 1],
    ['start', 'Stopped', 'Running', 'active', [], 1],
    ['start', 'Stopped', 'Paused', 'paused', ['pause Succeeded'], 1],
    ['start', 'Suspended', 'Paused', 'paused', ['pause Succeeded'], 1],
  ]
  it.each(rows)('%s failed, from %s to %s: %s', async (step, from, wish, vmState, more, boots) => {
    const bench = await startInError(step, wish, from)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error', ready: 'False' })
    const before = bench.recordSummaries
    const uid = await bench.requestAction('start')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState, reachedPowerState: wish, fault: undefined, ready: 'True' })
    expect(bench.status.lastCompletedAction).toBe(uid)
    expect(bench.recordSummaries).toEqual([...before, 'start Succeeded', ...more])
    expect(bench.machine.boots).toHaveLength(boots)
    expect(writesOf(await bench.reconcileUntilSettled())).toEqual([])
  })

  it('one that has come to be as wished meanwhile is that, and the deed ends', async () => {
    const bench = await startInError('shutdown', 'Stopped', 'Running')
    bench.host.turnDomainOff(bench.server.metadata.uid ?? '', 'shutdown')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error', powerState: 'Shutdown' })
    await bench.requestAction('start')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', ready: 'True' })
    expect(bench.recordSummaries.at(-1)).toBe('start Succeeded')
  })

  it.each([
    ['define', undefined],
    ['shutdown', 'Running'],
  ] as const)('that fails again (%s, from %s) has failed, and the fault stands', async (step, from) => {
    const bench = await startInError(step, 'Stopped', from)
    await bench.requestAction('start')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail(hostCallOf(step), broken)))
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error', fault: `${step}: QEMU has no machine q99` })
    expect(bench.recordSummaries.at(-1)).toBe('start Failed')
  })
})
