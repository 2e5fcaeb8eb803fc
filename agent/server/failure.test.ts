import { describe, expect, it } from 'vitest'
import { wrapHost } from '../../actions/host/wrap.ts'
import { type DesiredPower, FINALIZER, Terminal } from '../../crds/index.ts'
import { ApiError } from '../../kube/errors.ts'
import { Life } from '../../test/fakes/life.ts'
import {
  Bench,
  busyLibvirt,
  HOST,
  hostCallOf,
  readyOf,
  startBenchWithActiveServer,
  startBenchWithServerInError,
  summaryOf,
  unsupportedMachine,
  writesOf,
} from './testing.ts'

const namespaceIsTerminating = new ApiError({
  request: 'fake',
  status: 403,
  body: {
    reason: 'Forbidden',
    message: 'serveractions.compute.kubenova.io "web-2" is forbidden: unable to create new content in namespace demo',
    details: { causes: [{ reason: 'NamespaceTerminating', message: 'namespace demo is being terminated' }] },
  },
})

describe('a deletion', () => {
  it('leaves nothing on the host and in the API', async () => {
    const bench = await startBenchWithActiveServer()
    const { uid = '' } = bench.server.metadata
    await bench.delete()
    const agent = await bench.reconcileUntilSettled()
    expect(bench.api.find('servers', 'demo/web')).toBeUndefined()
    expect(bench.host.isEmpty(uid)).toBe(true)
    expect(writesOf(agent)).toEqual(['applyStatus servers', 'patch servers'])
    expect(agent.events).toMatchObject([{ type: 'Normal', reason: 'Delete', note: 'delete done on h1' }])
  })

  it('is planned before a requested action and despite a fault', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction('reboot', { type: 'HARD' })
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.define', unsupportedMachine)))
    await bench.requestAction('start')
    await bench.delete()
    await bench.reconcileUntilSettled()
    expect(bench.api.list('servers')).toEqual([])
  })

  it('is retried forever, and reports why it waits', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.delete()
    const agent = bench.startAgent(new Life().fail('domains.undefine', busyLibvirt, { times: 20 }))
    for (let i = 0; i < 10; i++) {
      await bench.reconcileOnce(agent)
      await bench.clock.advance(60_000)
    }
    expect(bench.status).toMatchObject({ taskState: 'deleting', vmState: 'active' })
    expect(readyOf(bench)).toMatchObject({ reason: 'LibvirtError', message: 'undefine: libvirt is busy' })
    await bench.reconcileUntilSettled(agent)
    expect(bench.api.list('servers')).toEqual([])
  })

  it('reports a failure although its namespace is terminating, where no action record can be created', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.delete()
    const life = new Life()
      .fail('create serveractions', namespaceIsTerminating, { times: Infinity })
      .fail('domains.undefine', unsupportedMachine)
    const agent = bench.startAgent(life)
    await bench.reconcileOnce(agent)
    expect(readyOf(bench)).toMatchObject({ status: 'False', reason: 'UnsupportedHardware' })
    expect(bench.status.actionRecords).toBe(1)
    await bench.reconcileUntilSettled(agent)
    expect(bench.api.list('servers')).toEqual([])
  })

  it('aborts the running reconcile', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction('reboot', { type: 'HARD' })
    const stop = new AbortController()
    stop.abort(new Error('the server is to be deleted'))
    await expect(bench.reconcileOnce(bench.startAgent(), bench.server, stop.signal)).rejects.toThrow('to be deleted')
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'reboot undefined'])
  })
})

describe('reconcileServer after an error', () => {
  it('retries after a transient error with a growing delay, and writes no action record', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.setDesiredPower('Stopped')
    const agent = bench.startAgent(new Life().fail('domains.requestShutdown', busyLibvirt, { times: 2 }))
    const from = bench.clock.now()
    expect(await bench.reconcileOnce(agent)).toMatchObject({ kind: 'wait', for: 'LibvirtError', recheckAfter: 1000 })
    expect(readyOf(bench)).toMatchObject({
      status: 'False',
      reason: 'LibvirtError',
      message: 'shutdown: libvirt is busy',
    })
    const { length } = agent.life.effects
    expect(await bench.reconcileOnce(agent)).toMatchObject({ kind: 'wait', recheckAfter: 1000 })
    expect(agent.life.effects).toHaveLength(length)
    await bench.reconcileUntilSettled(agent)
    expect(bench.clock.now() - from).toBe(3000)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', actionRecords: 2, fault: undefined })
  })

  it('reports a fault after the last try, until the spec changes', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled(
      bench.startAgent(new Life().fail('domains.requestShutdown', busyLibvirt, { times: 3 })),
    )
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

  it('keeps a fault until an action is requested', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction('reboot', { type: 'HARD' })
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.start', unsupportedMachine)))
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error' })
    await bench.requestAction('start')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', fault: undefined, ready: 'True' })
  })

  it('cleans up a creation that fails, and rejects the server for another host', async () => {
    const bench = new Bench()
    await bench.create()
    const { uid = '' } = bench.server.metadata
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.start', busyLibvirt, { times: 3 })))
    expect(bench.host.isEmpty(uid)).toBe(true)
    expect(bench.status).toMatchObject({
      vmState: 'error',
      hostRejection: { host: HOST, reason: 'start: libvirt is busy' },
      fault: { message: 'start: libvirt is busy', details: 'LibvirtError' },
    })
    expect(bench.status).not.toHaveProperty('launchedAt')
    expect(bench.recordSummaries).toEqual(['create Failed'])
  })

  it('cleans up and rejects the server at once when the host lacks something', async () => {
    const bench = new Bench()
    await bench.create()
    const { uid = '' } = bench.server.metadata
    const missing = new Terminal('ImageFileMissing', '/images/a is not on this host', { isHostFault: true })
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('images.fetch', missing)))
    expect(bench.host.isEmpty(uid)).toBe(true)
    expect(bench.status).toMatchObject({
      hostRejection: { host: HOST, reason: 'fetch-image: /images/a is not on this host' },
      fault: { message: 'fetch-image: /images/a is not on this host', details: 'ImageFileMissing' },
    })
    expect(bench.recordSummaries).toEqual(['create Failed'])
  })

  it('keeps a server that was built on its host when the host lacks something later', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.requestAction('reboot', { type: 'HARD' })
    const missing = new Terminal('FirmwareUnavailable', 'no UEFI here', { isHostFault: true })
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.define', missing)))
    expect(bench.status).toMatchObject({ host: HOST, vmState: 'error', fault: { details: 'FirmwareUnavailable' } })
    expect(bench.status).not.toHaveProperty('hostRejection')
  })

  it('does not reject a creation that would fail on every host', async () => {
    const bench = new Bench()
    await bench.create()
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.define', unsupportedMachine)))
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error', fault: 'define: QEMU has no machine q99' })
    expect(bench.status).not.toHaveProperty('hostRejection')
    await bench.requestAction('start')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True', fault: undefined })
  })

  it('cleans up when a requested retry of the creation fails, too', async () => {
    const bench = new Bench()
    await bench.create()
    const { uid = '' } = bench.server.metadata
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.define', unsupportedMachine)))
    await bench.requestAction('start')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.start', busyLibvirt, { times: 3 })))
    expect(bench.host.isEmpty(uid)).toBe(true)
    expect(bench.status).toMatchObject({
      vmState: 'error',
      hostRejection: { host: HOST, reason: 'start: libvirt is busy' },
    })
    expect(bench.recordSummaries).toEqual(['create Failed', 'start Failed'])
  })

  it.each(['create serveractions', 'applyStatus servers', 'domains.observe', 'domains.runningBootId'])(
    'has the same result when %s fails once',
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

  it('tries again when the spec changes while the action fails', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.setDesiredPower('Stopped')
    const agent = bench.startAgent()
    let isFirst = true
    agent.deps.host = wrapHost(agent.deps.host, async ({ name }, act) => {
      if (name !== 'domains.requestShutdown' || !isFirst) return act()
      isFirst = false
      await bench.servers.patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'meanwhile' } })
      await act()
      throw unsupportedMachine
    })
    await bench.reconcileUntilSettled(agent)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', fault: undefined, ready: 'True' })
    expect(bench.recordSummaries.slice(1)).toEqual(['stop Failed'])
  })

  it('tries again when the spec has changed before the failed action was announced', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.setDesiredPower('Stopped')
    const seen = bench.server
    await bench.servers.patch({ namespace: 'demo', name: 'web' }, { spec: { displayName: 'meanwhile' } })
    const agent = bench.startAgent(new Life().fail('domains.requestShutdown', unsupportedMachine))
    await bench.reconcileOnce(agent, seen)
    expect(bench.status).toMatchObject({ vmState: 'error', observedGeneration: 2 })
    await bench.reconcileUntilSettled(agent)
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', fault: undefined, ready: 'True' })
  })

  it('keeps a finalizer that another controller added during the deletion', async () => {
    const bench = await startBenchWithActiveServer()
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

describe('a requested start of a server in error retries the failed action:', () => {
  const none = undefined
  // A row has: the failed step, the power reached before (undefined: the creation failed), the desired power; then the
  // vmState, the additional action records and the number of boots after the requested start.
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
  it.each(rows)(
    'after %s failed from %s to %s, the server is %s',
    async (step, from, desired, vmState, more, boots) => {
      const bench = await startBenchWithServerInError(step, desired, from)
      expect(summaryOf(bench)).toMatchObject({ vmState: 'error', ready: 'False' })
      const before = bench.recordSummaries
      const uid = await bench.requestAction('start')
      await bench.reconcileUntilSettled()
      expect(summaryOf(bench)).toMatchObject({ vmState, reachedPowerState: desired, fault: undefined, ready: 'True' })
      expect(bench.status.lastCompletedAction).toBe(uid)
      expect(bench.recordSummaries).toEqual([...before, 'start Succeeded', ...more])
      expect(bench.machine.boots).toHaveLength(boots)
      expect(writesOf(await bench.reconcileUntilSettled())).toEqual([])
    },
  )

  it('succeeds when the desired power has been reached meanwhile', async () => {
    const bench = await startBenchWithServerInError('shutdown', 'Stopped', 'Running')
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
  ] as const)('fails and keeps the fault when %s fails again, from %s', async (step, from) => {
    const bench = await startBenchWithServerInError(step, 'Stopped', from)
    await bench.requestAction('start')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail(hostCallOf(step), unsupportedMachine)))
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error', fault: `${step}: QEMU has no machine q99` })
    expect(bench.recordSummaries.at(-1)).toBe('start Failed')
  })
})
