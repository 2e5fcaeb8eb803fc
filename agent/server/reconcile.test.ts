import { describe, expect, it } from 'vitest'
import { type ServerAction, serverOwnerReference, Terminal, Transient } from '../../crds/index.ts'
import { Life } from '../../test/fakes/life.ts'
import { Bench, conditionTypesOf, HOST, readyOf, startActive, summaryOf, writesOf } from './testing.ts'

const busy = new Transient('LibvirtError', 'libvirt is busy')
const broken = new Terminal('UnsupportedHardware', 'QEMU has no machine q99')
describe('a creation', () => {
  it('is two writes: the record, and the status that says all', async () => {
    const bench = new Bench()
    await bench.create()
    const agent = await bench.reconcileUntilSettled()
    expect(writesOf(agent)).toEqual(['create serveractions', 'applyStatus servers'])
    expect(summaryOf(bench)).toEqual({
      vmState: 'active',
      powerState: 'Running',
      reachedPowerState: 'Running',
      actionRecords: 1,
      ready: 'True',
    })
    expect(bench.status).toMatchObject({
      launchedAt: bench.now(),
      domain: { name: 'web-d', reason: 'booted' },
      observedGeneration: 1,
    })
    expect(conditionTypesOf(bench)).toEqual(['Ready', 'Scheduled'])
    expect(agent.events).toMatchObject([{ type: 'Normal', reason: 'Create', note: 'create done on h1' }])
  })

  it('leaves the record that Nova would', async () => {
    const bench = await startActive()
    const [record] = bench.api.list<ServerAction>('serveractions')
    const { uid } = bench.server.metadata
    expect(record).toMatchObject({
      metadata: { name: 'web-1', namespace: 'demo', ownerReferences: [{ kind: 'Server', name: 'web', uid }] },
      spec: { server: 'web', action: 'create' },
      status: {
        phase: 'Succeeded',
        host: HOST,
        events: [{ event: 'compute__do_build_and_run_instance', host: HOST, result: 'Success' }],
      },
    })
  })

  it.each([
    ['an older server of its name', HOST, 'uid-older'],
    ['what another host has written', 'h2', undefined],
    ['what was done and undone before it was counted', HOST, undefined],
    ['a try of its own that failed before it was counted', HOST, undefined, 'create', 'Failed'],
  ])('whose record’s name is taken by %s has the next', async (_, host, uid, action = 'stop', phase = 'Succeeded') => {
    const bench = new Bench()
    await bench.create()
    const { metadata } = bench.server
    const owner = { ...serverOwnerReference(bench.server), uid: uid ?? metadata.uid ?? '' }
    await bench.actions.create({
      metadata: { name: 'web-1', namespace: 'demo', ownerReferences: [owner] },
      spec: { server: 'web', action },
      status: { phase: phase as 'Failed', host },
    })
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', actionRecords: 2 })
    expect(bench.recordSummaries).toEqual([`${action} ${phase}`, 'create Succeeded'])
  })

  it('of a server that shall be off leaves it off', async () => {
    const bench = await startActive({ powerState: 'Stopped' })
    expect(summaryOf(bench)).toMatchObject({
      vmState: 'stopped',
      powerState: 'Shutdown',
      reachedPowerState: 'Stopped',
      ready: 'True',
    })
    expect(bench.machine.boots).toEqual([])
    await bench.setDesiredPower('Running')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
  })

  it.each([
    ['Paused', 'paused', 'Paused'],
    ['Suspended', 'suspended', 'Shutdown'],
  ] as const)('of a server that shall be %s runs first', async (wish, vmState, powerState) => {
    const bench = await startActive({ powerState: wish })
    expect(summaryOf(bench)).toMatchObject({
      vmState,
      powerState,
      reachedPowerState: wish,
      ready: 'True',
      actionRecords: 2,
    })
  })

  it('takes nothing of the controller’s part', async () => {
    const bench = await startActive()
    const owners = bench.api.owners('servers', 'demo/web')
    const agents = owners['kubenova-agent/h1 Apply status'] ?? []
    expect(agents).toContain('f:status / f:vmState')
    for (const field of ['host', 'instance', 'addresses', 'rejectedHosts', 'activeAction'])
      expect(agents.filter((path) => path.startsWith(`f:status / f:${field}`))).toEqual([])
  })
})

describe('a steady server', () => {
  it.each(['Running', 'Stopped', 'Paused', 'Suspended'] as const)('%s costs no write', async (powerState) => {
    const bench = await startActive({ powerState })
    const agent = bench.startAgent()
    for (let i = 0; i < 3; i++) await bench.reconcileOnce(agent)
    expect(writesOf(agent)).toEqual([])
  })

  it('costs none with a fault, or when its guest went off by itself', async () => {
    const bench = await startActive()
    bench.host.turnDomainOff(bench.server.metadata.uid!, 'shutdown')
    await bench.reconcileUntilSettled()
    expect(writesOf(await bench.reconcileUntilSettled())).toEqual([])
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled()
    await bench.setDesiredPower('Running')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.start', broken)))
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error' })
    expect(writesOf(await bench.reconcileUntilSettled())).toEqual([])
  })
})

it('observedGeneration follows a change of the spec that needs nothing of the host', async () => {
  const bench = await startActive()
  await bench.servers.patch({ name: 'web', namespace: 'demo' }, { spec: { description: 'mine' } })
  const agent = await bench.reconcileUntilSettled()
  expect(bench.status.observedGeneration).toBe(2)
  expect(readyOf(bench)).toMatchObject({ status: 'True', observedGeneration: 2 })
  expect(writesOf(agent)).toEqual(['applyStatus servers'])
})

it('what the status says and is not so any more is taken out, though nothing else changed', async () => {
  const bench = await startActive()
  const { host: _, instance: __, addresses: ___, conditions = [], ...mine } = bench.status
  const status = { ...mine, conditions: conditions.filter(({ type }) => type === 'Ready') }
  const stray = { ...status, taskState: 'rebooting' as const }
  await bench.servers.applyStatus(
    { metadata: { name: 'web', namespace: 'demo' }, status: stray },
    { fieldManager: 'kubenova-agent/h1' },
  )
  await bench.reconcileUntilSettled()
  expect(bench.status).not.toHaveProperty('taskState')
})

describe('wishes', () => {
  // from, to: state then, power then, what was recorded
  const rows = [
    ['Running', 'Stopped', 'stopped', 'Shutdown', ['stop']],
    ['Running', 'Paused', 'paused', 'Paused', ['pause']],
    ['Running', 'Suspended', 'suspended', 'Shutdown', ['suspend']],
    ['Stopped', 'Running', 'active', 'Running', ['start']],
    ['Stopped', 'Paused', 'paused', 'Paused', ['start', 'pause']],
    ['Stopped', 'Suspended', 'suspended', 'Shutdown', ['start', 'suspend']],
    ['Paused', 'Running', 'active', 'Running', ['unpause']],
    ['Paused', 'Stopped', 'stopped', 'Shutdown', ['stop']],
    ['Paused', 'Suspended', 'suspended', 'Shutdown', ['suspend']],
    ['Suspended', 'Running', 'active', 'Running', ['resume']],
    ['Suspended', 'Stopped', 'stopped', 'Shutdown', ['stop']],
    ['Suspended', 'Paused', 'paused', 'Paused', ['resume', 'pause']],
  ] as const
  it.each(rows)('%s → %s', async (from, to, vmState, powerState, recorded) => {
    const bench = await startActive({ powerState: from })
    const before = bench.recordSummaries.length
    await bench.setDesiredPower(to)
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({
      vmState,
      powerState,
      reachedPowerState: to,
      ready: 'True',
      taskState: undefined,
    })
    expect(bench.recordSummaries.slice(before)).toEqual(recorded.map((action) => `${action} Succeeded`))
    expect(bench.status.actionRecords).toBe(bench.recordSummaries.length)
  })

  it('are announced, with the task, while they are carried out', async () => {
    const bench = await startActive()
    await bench.setDesiredPower('Stopped')
    const agent = bench.startAgent(new Life().fail('domains.requestShutdown', busy))
    await bench.reconcileOnce(agent)
    expect(bench.status).toMatchObject({ vmState: 'active', taskState: 'powering-off' })
    expect(conditionTypesOf(bench)).toEqual(['Ready', 'Reconciling', 'Scheduled'])
    await bench.reconcileUntilSettled(agent)
    expect(conditionTypesOf(bench)).toEqual(['Ready', 'Scheduled'])
  })

  it('a guest that does not answer loses its power', async () => {
    const bench = await startActive()
    bench.machine.obeysPowerButton = false
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled()
    expect(bench.status).toMatchObject({ vmState: 'stopped', domain: { reason: 'destroyed' } })
  })

  it('one taken back while it is carried out is taken back', async () => {
    const bench = await startActive()
    await bench.setDesiredPower('Stopped')
    const seen = bench.server
    await bench.setDesiredPower('Running')
    await bench.reconcileOnce(bench.startAgent(), seen)
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
    expect(bench.recordSummaries.slice(1)).toEqual(['stop Succeeded', 'start Succeeded'])
  })
})

describe('what the agent says', () => {
  it('is said of this very server, not of one that was made anew under its name', async () => {
    const bench = await startActive()
    const seen = bench.server
    await bench.servers.patch(seen.metadata, { metadata: { finalizers: [] } })
    await bench.delete()
    await bench.create()
    const anew = bench.server
    bench.host.turnDomainOff(seen.metadata.uid ?? '', 'shutdown')
    await expect(bench.reconcileOnce(bench.startAgent(), seen)).rejects.toMatchObject({ code: 'ObjectChanged' })
    expect(bench.server).toEqual(anew)
  })

  it('is said though others have written meanwhile', async () => {
    const bench = await startActive()
    const seen = bench.server
    bench.host.turnDomainOff(seen.metadata.uid ?? '', 'shutdown')
    await bench.servers.patch(seen.metadata, { metadata: { labels: { a: 'b' } } })
    await bench.reconcileOnce(bench.startAgent(), seen)
    expect(bench.server).toMatchObject({ metadata: { labels: { a: 'b' } }, status: { vmState: 'stopped' } })
  })

  it('is not said of a server that another host has by now', async () => {
    const bench = await startActive()
    const seen = bench.server
    bench.host.turnDomainOff(seen.metadata.uid ?? '', 'shutdown')
    await bench.place('h2')
    await expect(bench.reconcileOnce(bench.startAgent(), seen)).rejects.toMatchObject({ code: 'ObjectChanged' })
  })
})

describe('what happens on the host', () => {
  it('a guest that powers itself off stays off, and the status says how to start it', async () => {
    const bench = await startActive()
    bench.host.turnDomainOff(bench.server.metadata.uid!, 'shutdown')
    const agent = await bench.reconcileUntilSettled()
    expect(writesOf(agent)).toEqual(['applyStatus servers'])
    expect(summaryOf(bench)).toMatchObject({
      vmState: 'stopped',
      powerState: 'Shutdown',
      reachedPowerState: 'Running',
      ready: 'False',
      actionRecords: 1,
    })
    expect(readyOf(bench)).toMatchObject({ reason: 'GuestShutdown', message: expect.stringContaining('action: start') })
    await bench.requestAction('start')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
  })

  it('such a guest is also started by wishing Stopped and Running again', async () => {
    const bench = await startActive()
    bench.host.turnDomainOff(bench.server.metadata.uid!, 'shutdown')
    await bench.reconcileUntilSettled()
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', ready: 'True', actionRecords: 1 })
    await bench.setDesiredPower('Running')
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True', actionRecords: 2 })
  })

  it.each(['destroyed', 'crashed', 'unknown', 'failed'])(
    'a domain that went off (%s) is brought back, and that is recorded',
    async (reason) => {
      const bench = await startActive()
      bench.host.turnDomainOff(bench.server.metadata.uid!, reason)
      await bench.reconcileUntilSettled()
      expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True', actionRecords: 2 })
      expect(bench.recordSummaries.at(-1)).toBe('start Succeeded')
    },
  )

  it('such a guest stays off when libvirt has forgotten why it is', async () => {
    const bench = await startActive()
    bench.host.turnDomainOff(bench.server.metadata.uid!, 'shutdown')
    await bench.reconcileUntilSettled()
    bench.host.forgetShutdownReasons()
    expect(bench.machine.domain).toMatchObject({ state: 'off', reason: 'unknown' })
    const agent = await bench.reconcileUntilSettled()
    expect(writesOf(agent)).toEqual([])
    expect(readyOf(bench)).toMatchObject({ reason: 'GuestShutdown' })
  })

  it('a domain that was undefined is made anew', async () => {
    const bench = await startActive()
    bench.machine.domain = undefined
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
    expect(bench.machine.boots).toHaveLength(2)
  })

  it('a server that was stopped and is started there is stopped again', async () => {
    const bench = await startActive({ powerState: 'Stopped' })
    Object.assign(bench.machine.domain!, { state: 'running', reason: 'booted' })
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', ready: 'True' })
  })

  it('a pause behind our back is recorded and left', async () => {
    const bench = await startActive()
    Object.assign(bench.machine.domain!, { state: 'paused', reason: 'user' })
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'paused', ready: 'False', actionRecords: 1 })
    expect(readyOf(bench)).toMatchObject({
      reason: 'ChangedOnHost',
      message: expect.stringContaining('the domain is paused (user), not running'),
    })
  })
})

describe('deeds', () => {
  it.each(['SOFT', 'HARD'])('reboot %s: once, recorded in the deed itself', async (type) => {
    const bench = await startActive()
    const uid = await bench.requestAction('reboot', { type })
    const agent = await bench.reconcileUntilSettled()
    expect(bench.machine.boots).toEqual([expect.stringContaining('create:'), uid])
    expect(writesOf(agent)).toEqual(['applyStatus servers', 'apply serveractions', 'applyStatus servers'])
    expect(bench.status).toMatchObject({ lastCompletedAction: uid, vmState: 'active', actionRecords: 1 })
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'reboot Succeeded'])
  })

  it('a pass on a cache that is behind does nothing a second time', async () => {
    const bench = await startActive()
    const uid = await bench.requestAction('reboot', { type: 'HARD' })
    const seen = bench.server
    await bench.reconcileUntilSettled()
    await bench.reconcileOnce(bench.startAgent(), seen)
    await bench.reconcileUntilSettled()
    expect(bench.machine.boots.filter((mark) => mark === uid)).toHaveLength(1)
    expect(bench.status.lastCompletedAction).toBe(uid)
  })

  it('a deed whose object is deleted meanwhile is done all the same, and is not made anew', async () => {
    const bench = await startActive()
    const uid = await bench.requestAction('reboot', { type: 'HARD' })
    await bench.actions.delete({ namespace: 'demo', name: 'reboot-1' })
    await bench.reconcileUntilSettled()
    expect(bench.status.lastCompletedAction).toBe(uid)
    expect(bench.recordSummaries).toEqual(['create Succeeded'])
  })

  it('another object of its name is not taken for it', async () => {
    const bench = await startActive()
    const uid = await bench.requestAction('reboot', { type: 'HARD' })
    await bench.actions.delete({ namespace: 'demo', name: 'reboot-1' })
    const spec = { server: 'web', action: 'start', start: {} }
    await bench.actions.create({ metadata: { namespace: 'demo', name: 'reboot-1' }, spec })
    await bench.reconcileUntilSettled()
    expect(bench.status.lastCompletedAction).toBe(uid)
    expect(bench.recordSummaries).toEqual(['create Succeeded', 'start undefined'])
  })

  it('one that fails for good is a fault, ended all the same', async () => {
    const bench = await startActive()
    const uid = await bench.requestAction('reboot', { type: 'HARD' })
    const agent = await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.define', broken)))
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
