import { describe, expect, it } from 'vitest'
import { type ServerAction, serverOwnerReference } from '../../crds/index.ts'
import { Life } from '../../test/fakes/life.ts'
import {
  Bench,
  busyLibvirt,
  conditionTypesOf,
  HOST,
  readyOf,
  startBenchWithActiveServer,
  summaryOf,
  unsupportedMachine,
  writesOf,
} from './testing.ts'

describe('a creation', () => {
  it('costs two writes, the action record and the status', async () => {
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

  it('has an action record with Nova’s event', async () => {
    const bench = await startBenchWithActiveServer()
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
    ['an older server of the same name', HOST, 'uid-older'],
    ['a record of another host', 'h2', undefined],
    ['a record of another action that was not counted', HOST, undefined],
    ['a record of its own failed try that was not counted', HOST, undefined, 'create', 'Failed'],
  ])(
    'takes the next number when the name of its action record is taken by %s',
    async (_, host, uid, action = 'stop', phase = 'Succeeded') => {
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
    },
  )

  it('does not boot a server that should be off', async () => {
    const bench = await startBenchWithActiveServer({ powerState: 'Stopped' })
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
  ] as const)('boots a server first that should be %s', async (desired, vmState, powerState) => {
    const bench = await startBenchWithActiveServer({ powerState: desired })
    expect(summaryOf(bench)).toMatchObject({
      vmState,
      powerState,
      reachedPowerState: desired,
      ready: 'True',
      actionRecords: 2,
    })
  })

  it('owns no status field of the controller', async () => {
    const bench = await startBenchWithActiveServer()
    const owners = bench.api.fieldsByManager('servers', 'demo/web')
    const agents = owners['kubenova-agent/h1 Apply status'] ?? []
    expect(agents).toContain('f:status / f:vmState')
    for (const field of ['host', 'instance', 'addresses', 'rejectedHosts', 'activeAction'])
      expect(agents.filter((path) => path.startsWith(`f:status / f:${field}`))).toEqual([])
  })
})

describe('a server for which nothing is pending', () => {
  it.each(['Running', 'Stopped', 'Paused', 'Suspended'] as const)('%s costs no write', async (powerState) => {
    const bench = await startBenchWithActiveServer({ powerState })
    const agent = bench.startAgent()
    for (let i = 0; i < 3; i++) await bench.reconcileOnce(agent)
    expect(writesOf(agent)).toEqual([])
  })

  it('costs no write with a fault, or when its guest has powered itself off', async () => {
    const bench = await startBenchWithActiveServer()
    bench.host.turnDomainOff(bench.server.metadata.uid!, 'shutdown')
    await bench.reconcileUntilSettled()
    expect(writesOf(await bench.reconcileUntilSettled())).toEqual([])
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled()
    await bench.setDesiredPower('Running')
    await bench.reconcileUntilSettled(bench.startAgent(new Life().fail('domains.start', unsupportedMachine)))
    expect(summaryOf(bench)).toMatchObject({ vmState: 'error' })
    expect(writesOf(await bench.reconcileUntilSettled())).toEqual([])
  })
})

it('observedGeneration follows a change of the spec that needs no action', async () => {
  const bench = await startBenchWithActiveServer()
  await bench.servers.patch({ name: 'web', namespace: 'demo' }, { spec: { description: 'mine' } })
  const agent = await bench.reconcileUntilSettled()
  expect(bench.status.observedGeneration).toBe(2)
  expect(readyOf(bench)).toMatchObject({ status: 'True', observedGeneration: 2 })
  expect(writesOf(agent)).toEqual(['applyStatus servers'])
})

it('reconcileServer removes a stale field from the status when nothing else changed', async () => {
  const bench = await startBenchWithActiveServer()
  const { host: _, instance: __, addresses: ___, conditions = [], ...mine } = bench.status
  const status = { ...mine, conditions: conditions.filter(({ type }) => type === 'Ready') }
  const stale = { ...status, taskState: 'rebooting' as const }
  await bench.servers.applyStatus(
    { metadata: { name: 'web', namespace: 'demo' }, status: stale },
    { fieldManager: 'kubenova-agent/h1' },
  )
  await bench.reconcileUntilSettled()
  expect(bench.status).not.toHaveProperty('taskState')
})

describe('a change of spec.powerState', () => {
  // A row has: the power before, the new desired power, and the expected vmState, powerState and new action records.
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
  it.each(rows)('from %s to %s leads to %s', async (from, to, vmState, powerState, recorded) => {
    const bench = await startBenchWithActiveServer({ powerState: from })
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

  it('is announced with its task state while its action runs', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.setDesiredPower('Stopped')
    const agent = bench.startAgent(new Life().fail('domains.requestShutdown', busyLibvirt))
    await bench.reconcileOnce(agent)
    expect(bench.status).toMatchObject({ vmState: 'active', taskState: 'powering-off' })
    expect(conditionTypesOf(bench)).toEqual(['Ready', 'Reconciling', 'Scheduled'])
    await bench.reconcileUntilSettled(agent)
    expect(conditionTypesOf(bench)).toEqual(['Ready', 'Scheduled'])
  })

  it('to Stopped destroys the domain when the guest does not power off', async () => {
    const bench = await startBenchWithActiveServer()
    bench.machine.obeysPowerButton = false
    await bench.setDesiredPower('Stopped')
    await bench.reconcileUntilSettled()
    expect(bench.status).toMatchObject({ vmState: 'stopped', domain: { reason: 'destroyed' } })
  })

  it('that is reverted while its action runs is followed by another action', async () => {
    const bench = await startBenchWithActiveServer()
    await bench.setDesiredPower('Stopped')
    const seen = bench.server
    await bench.setDesiredPower('Running')
    await bench.reconcileOnce(bench.startAgent(), seen)
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
    expect(bench.recordSummaries.slice(1)).toEqual(['stop Succeeded', 'start Succeeded'])
  })
})

describe('the status that the agent writes', () => {
  it('is not written to a new server of the same name', async () => {
    const bench = await startBenchWithActiveServer()
    const seen = bench.server
    await bench.servers.patch(seen.metadata, { metadata: { finalizers: [] } })
    await bench.delete()
    await bench.create()
    const replacement = bench.server
    bench.host.turnDomainOff(seen.metadata.uid ?? '', 'shutdown')
    await expect(bench.reconcileOnce(bench.startAgent(), seen)).rejects.toMatchObject({ code: 'ObjectChanged' })
    expect(bench.server).toEqual(replacement)
  })

  it('is written although the server has changed since it was read', async () => {
    const bench = await startBenchWithActiveServer()
    const seen = bench.server
    bench.host.turnDomainOff(seen.metadata.uid ?? '', 'shutdown')
    await bench.servers.patch(seen.metadata, { metadata: { labels: { a: 'b' } } })
    await bench.reconcileOnce(bench.startAgent(), seen)
    expect(bench.server).toMatchObject({ metadata: { labels: { a: 'b' } }, status: { vmState: 'stopped' } })
  })

  it('is not written to a server that is on another host by now', async () => {
    const bench = await startBenchWithActiveServer()
    const seen = bench.server
    bench.host.turnDomainOff(seen.metadata.uid ?? '', 'shutdown')
    await bench.place('h2')
    await expect(bench.reconcileOnce(bench.startAgent(), seen)).rejects.toMatchObject({ code: 'ObjectChanged' })
  })
})

describe('after a change on the host', () => {
  it('a guest that powered itself off stays off, and the status says how to start it', async () => {
    const bench = await startBenchWithActiveServer()
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

  it('a guest that powered itself off is started by setting spec.powerState to Stopped and back', async () => {
    const bench = await startBenchWithActiveServer()
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
    'a domain that went off (%s) is started again, with an action record',
    async (reason) => {
      const bench = await startBenchWithActiveServer()
      bench.host.turnDomainOff(bench.server.metadata.uid!, reason)
      await bench.reconcileUntilSettled()
      expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True', actionRecords: 2 })
      expect(bench.recordSummaries.at(-1)).toBe('start Succeeded')
    },
  )

  it('a guest that powered itself off stays off when a restarted libvirtd does not know the reason', async () => {
    const bench = await startBenchWithActiveServer()
    bench.host.turnDomainOff(bench.server.metadata.uid!, 'shutdown')
    await bench.reconcileUntilSettled()
    bench.host.forgetShutdownReasons()
    expect(bench.machine.domain).toMatchObject({ state: 'off', reason: 'unknown' })
    const agent = await bench.reconcileUntilSettled()
    expect(writesOf(agent)).toEqual([])
    expect(readyOf(bench)).toMatchObject({ reason: 'GuestShutdown' })
  })

  describe('a guest that has gone to sleep', () => {
    async function startBenchWithSleepingGuest() {
      const bench = await startBenchWithActiveServer()
      Object.assign(bench.machine.domain!, { state: 'pmsuspended', reason: 'unknown' })
      await bench.reconcileUntilSettled()
      return bench
    }

    it('sleeps on, and the status says so in Nova’s words and in its own', async () => {
      const bench = await startBenchWithSleepingGuest()
      expect(summaryOf(bench)).toMatchObject({
        vmState: 'active',
        powerState: 'Suspended',
        ready: 'False',
        actionRecords: 1,
      })
      expect(readyOf(bench)).toMatchObject({
        reason: 'GuestSleeps',
        message:
          'the guest sleeps: it has suspended itself to RAM and keeps its memory; to wake it, create a ServerAction with action: start, or set powerState to Paused and back',
      })
    })

    it('is woken by a request for start, without a boot', async () => {
      const bench = await startBenchWithSleepingGuest()
      await bench.requestAction('start')
      await bench.reconcileUntilSettled()
      expect(summaryOf(bench)).toMatchObject({ vmState: 'active', powerState: 'Running', ready: 'True' })
      expect(bench.machine.boots).toHaveLength(1)
      expect(bench.recordSummaries.at(-1)).toBe('start Succeeded')
    })

    it.each([
      ['Paused', 'paused', 'pause Succeeded', 1],
      ['Suspended', 'suspended', 'suspend Succeeded', 1],
      ['Stopped', 'stopped', 'stop Succeeded', 1],
    ] as const)(
      'is woken when it is to be %s, and keeps its memory until then',
      async (power, vmState, record, boots) => {
        const bench = await startBenchWithSleepingGuest()
        await bench.setDesiredPower(power)
        await bench.reconcileUntilSettled()
        expect(summaryOf(bench)).toMatchObject({ vmState, ready: 'True' })
        expect(bench.recordSummaries.at(-1)).toBe(record)
        await bench.setDesiredPower('Running')
        await bench.reconcileUntilSettled()
        expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
        expect(bench.machine.boots).toHaveLength(power === 'Stopped' ? boots + 1 : boots)
      },
    )
  })

  it('a domain that was undefined is created again', async () => {
    const bench = await startBenchWithActiveServer()
    bench.machine.domain = undefined
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'active', ready: 'True' })
    expect(bench.machine.boots).toHaveLength(2)
  })

  it('a stopped server whose domain was started is stopped again', async () => {
    const bench = await startBenchWithActiveServer({ powerState: 'Stopped' })
    Object.assign(bench.machine.domain!, { state: 'running', reason: 'booted' })
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'stopped', ready: 'True' })
  })

  it('a domain that was paused stays paused, and the status reports that', async () => {
    const bench = await startBenchWithActiveServer()
    Object.assign(bench.machine.domain!, { state: 'paused', reason: 'user' })
    await bench.reconcileUntilSettled()
    expect(summaryOf(bench)).toMatchObject({ vmState: 'paused', ready: 'False', actionRecords: 1 })
    expect(readyOf(bench)).toMatchObject({
      reason: 'ChangedOnHost',
      message: expect.stringContaining('the domain is paused (user), not running'),
    })
  })
})
