import { describe, expect, it } from 'vitest'
import { guestOf } from '../../actions/testing.ts'
import { resourceDefOf, type Server, type ServerStatus, server as serverKind } from '../../crds/index.ts'
import { FakeApi } from '../../test/fakes/api.ts'
import { placedStatus, unassignedStatus, unreachableStatus, unscheduledStatus } from '../../test/fakes/controller.ts'
import { isWaitOver, kstatusOf } from '../../test/kstatus.ts'
import type { Observed } from './observed.ts'
import type { Planned } from './plan.ts'
import { agentStatus, type Failure, type StatusInput } from './status.ts'

const then = '2026-01-01T00:00:00Z'
const now = '2026-01-02T00:00:00Z'

interface StatusWrite {
  fieldManager: string
  status: ServerStatus
}
type Step = (server: Server) => StatusWrite
type DesiredPower = Server['spec']['powerState']

const { instance } = guestOf()
const scheduler = (status: ServerStatus): StatusWrite => ({ fieldManager: 'kubenova-scheduler', status })
const agent = (status: ServerStatus): StatusWrite => ({ fieldManager: 'kubenova-agent/h1', status })

const unscheduled = (error: boolean): Step => {
  const reason = error ? 'NoValidHost' : 'FlavorNotFound'
  return (server) => scheduler(unscheduledStatus(server, { reason, message: 'none', error }, now))
}
const placed: Step = (server) => scheduler(placedStatus(server, { host: 'h1', instance }, now))
const unassigned: Step = (server) => scheduler(unassignedStatus(server, now))
const cleared: Step = () => agent({})
const hostDown: Step = (server) => ({
  fieldManager: 'kubenova-node-lifecycle',
  status: unreachableStatus(server, 'no heartbeat', now),
})

const reportedByAgent =
  (observed: Observed, more: Partial<StatusInput> = {}): Step =>
  (server) =>
    agent(
      agentStatus({
        server,
        observed,
        now,
        runtimeInfo: { domain: 'd', consoleLog: '/c.log' },
        actionRecords: 1,
        ...more,
      }),
    )

const planned = (action: Planned['action']): Planned => ({ action, params: {}, id: 'm' })
const transient: Failure = { code: 'LibvirtError', message: 'libvirt is busy', final: false }
const final: Failure = { ...transient, final: true }
const rejecting: Failure = { ...final, rejectsHost: true }
const running: Observed = { power: 'running', reason: 'booted' }
const off: Observed = { power: 'off', reason: 'shutdown' }
const missing: Observed = { power: 'missing' }

async function applySteps(
  steps: readonly Step[],
  powerState: DesiredPower = 'Running',
  metadata: object = {},
): Promise<Server> {
  const servers = new FakeApi().resource<Server>(resourceDefOf(serverKind))
  const ref = { name: 'web', namespace: 'demo' }
  let server = await servers.create({ metadata: ref, spec: { flavor: 'f', image: { name: 'i' }, powerState } })
  for (const step of steps) {
    const { status, fieldManager } = step(server)
    server = await servers.applyStatus({ metadata: ref, status }, { fieldManager })
  }
  return { ...server, metadata: { ...server.metadata, ...metadata } }
}

const launched: Step = (server) => {
  const { status } = reportedByAgent(running)(server)
  return agent({ ...status, launchedAt: then, reachedPowerState: 'Running' })
}
const rescued: Step = (server) => {
  const { status } = reportedByAgent(running)(server)
  return agent({ ...status, launchedAt: then, reachedPowerState: 'Running', mode: 'rescued' })
}
const newer = { generation: 2 }

describe('kstatus of a server', () => {
  const rows: [string, ReturnType<typeof kstatusOf>, Step[], DesiredPower?, object?][] = [
    ['without status', 'InProgress', []],
    ['that waits for its flavor', 'InProgress', [unscheduled(false)]],
    ['that no host can take', 'Failed', [unscheduled(true)]],
    ['that no host could take, with a newer spec', 'InProgress', [unscheduled(true)], 'Running', newer],
    ['that no host could take, and that has one now', 'InProgress', [unscheduled(true), placed]],
    ['that is placed', 'InProgress', [placed]],
    ['that is created', 'InProgress', [placed, reportedByAgent(missing, { running: planned('create') })]],
    [
      'whose host rejected it',
      'InProgress',
      [placed, reportedByAgent(missing, { failure: rejecting }), unassigned, cleared],
    ],
    [
      'that its host has rejected, before the controller sees it',
      'InProgress',
      [placed, reportedByAgent(missing, { failure: rejecting })],
    ],
    [
      'that has left the host that rejected it, with the fields of that host’s agent',
      'InProgress',
      [placed, reportedByAgent(missing, { failure: rejecting }), unassigned],
    ],
    ['that runs, as desired', 'Current', [placed, reportedByAgent(running, { finished: planned('create') })]],
    ['that is off, as desired', 'Current', [placed, launched, reportedByAgent(off)], 'Stopped'],
    [
      'that is off, as desired from the start',
      'Current',
      [placed, reportedByAgent(off, { finished: planned('create') })],
      'Stopped',
    ],
    ['that is off, as desired, and has no domain', 'Current', [placed, launched, reportedByAgent(missing)], 'Stopped'],
    ['that is paused, as desired', 'Current', [placed, launched, reportedByAgent({ power: 'paused' })], 'Paused'],
    ['that is suspended, as desired', 'Current', [placed, launched, reportedByAgent({ power: 'saved' })], 'Suspended'],
    [
      'that was off, as desired, with a newer spec',
      'InProgress',
      [placed, launched, reportedByAgent(off)],
      'Stopped',
      newer,
    ],
    [
      'that is being stopped',
      'InProgress',
      [placed, launched, reportedByAgent(running, { running: planned('stop') })],
      'Stopped',
    ],
    [
      'that is being rebooted',
      'InProgress',
      [placed, launched, reportedByAgent(running, { running: planned('reboot') })],
    ],
    [
      'whose stop is tried again',
      'InProgress',
      [placed, launched, reportedByAgent(running, { running: planned('stop'), failure: transient })],
    ],
    ['that failed', 'Failed', [placed, launched, reportedByAgent(off, { failure: final })]],
    ['that was never created', 'Failed', [placed, reportedByAgent(missing, { failure: final })]],
    [
      'that was never created, and should be off',
      'Failed',
      [placed, reportedByAgent(missing, { failure: final })],
      'Stopped',
    ],
    [
      'that failed, and is being started',
      'InProgress',
      [placed, launched, reportedByAgent(off, { failure: final }), reportedByAgent(off, { running: planned('start') })],
    ],
    [
      'that failed, and runs again',
      'Current',
      [placed, launched, reportedByAgent(off, { failure: final }), reportedByAgent(running)],
    ],
    ['whose guest powered itself off', 'Failed', [placed, launched, reportedByAgent(off)]],
    ['that was paused on its host', 'Failed', [placed, launched, reportedByAgent({ power: 'paused', reason: 'user' })]],
    [
      'that was paused on its host because its disk is full',
      'Failed',
      [placed, launched, reportedByAgent({ power: 'paused', reason: 'io-error' })],
    ],
    [
      'that was saved to a file on its host',
      'Failed',
      [placed, launched, reportedByAgent({ power: 'off', reason: 'saved' })],
    ],
    ['that runs the rescue system', 'Failed', [placed, launched, rescued, reportedByAgent(running)]],
    ['whose rescue system powered itself off', 'Failed', [placed, launched, rescued, reportedByAgent(off)]],
    [
      'whose guest powered itself off, and that is being started',
      'InProgress',
      [placed, launched, reportedByAgent(off), reportedByAgent(off, { running: planned('start') })],
    ],
    [
      'whose guest powered itself off, and that runs again',
      'Current',
      [placed, launched, reportedByAgent(off), reportedByAgent(running, { finished: planned('start') })],
    ],
    [
      'whose guest powered itself off, and that should be off by now',
      'Current',
      [placed, launched, reportedByAgent(off)],
      'Stopped',
    ],
    [
      'whose guest powered itself off, with a newer spec',
      'InProgress',
      [placed, launched, reportedByAgent(off)],
      'Running',
      newer,
    ],
    [
      'that has been stopped, and should run again by now',
      'InProgress',
      [placed, launched, reportedByAgent(off, { finished: planned('stop') })],
    ],
    [
      'that crashed, before it is started again',
      'InProgress',
      [placed, launched, reportedByAgent({ power: 'crashed' })],
    ],
    ['whose host is down', 'InProgress', [placed, launched, reportedByAgent(running), hostDown]],
    [
      'that is off, as desired, and whose host is down',
      'InProgress',
      [placed, launched, reportedByAgent(off), hostDown],
      'Stopped',
    ],
    [
      'that is terminating',
      'Terminating',
      [placed, launched, reportedByAgent(running)],
      'Running',
      { deletionTimestamp: then },
    ],
  ]
  it.each(rows)('%s is %s', async (_, expected, steps, desired, metadata) => {
    const server = await applySteps(steps, desired, metadata)
    expect(kstatusOf(server), JSON.stringify(server.status?.conditions)).toBe(expected)
    if (expected !== 'Terminating') expect(isWaitOver(server, 'Ready')).toBe(expected === 'Current')
  })

  it.each(rows)('%s has at most one of Reconciling and Stalled, and it is True', async (_, __, steps, desired) => {
    const { conditions = [] } = (await applySteps(steps, desired)).status ?? {}
    const kinds = conditions.filter(({ type }) => type === 'Reconciling' || type === 'Stalled')
    expect(kinds.length).toBeLessThan(2)
    for (const { status } of kinds) expect(status).toBe('True')
  })
})
