import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { guestOf } from '../../actions/testing.ts'
import {
  type DesiredPower,
  type DomainPower,
  desiredPowers,
  domainPowers,
  type Server,
  type ServerStatus,
  server as serverKind,
  type VmState,
} from '../../crds/index.ts'
import type { Planned } from './plan.ts'
import { agentStatus, type Failure, type StatusInput } from './status.ts'

const then = '2026-01-01T00:00:00Z'
const now = '2026-01-02T00:00:00Z'
const launched: Partial<ServerStatus> = {
  launchedAt: then,
  reachedPowerState: 'Running',
  vmState: 'active',
  actionRecords: 1,
}

interface Overrides extends Partial<Omit<StatusInput, 'server' | 'observed'>> {
  power?: DomainPower
  reason?: string
  desired?: DesiredPower
  status?: Partial<ServerStatus>
  deleting?: boolean
}

function inputWith({
  power = 'running',
  reason,
  desired = 'Running',
  status = launched,
  deleting,
  ...more
}: Overrides = {}): StatusInput {
  const { server: base } = guestOf({ powerState: desired })
  const metadata = { ...base.metadata, generation: 3, ...(deleting ? { deletionTimestamp: then } : {}) }
  const server: Server = { ...base, metadata, status: { ...base.status, ...status } }
  const runtimeInfo = { domain: 'web-1', consoleLog: '/c.log' }
  return { server, observed: { power, ...(reason ? { reason } : {}) }, now, runtimeInfo, actionRecords: 1, ...more }
}

const planned = (action: Planned['action'], params = {}): Planned => ({ action, params, id: 'm' })
const transient: Failure = { code: 'LibvirtError', message: 'start: libvirt is busy', final: false }
const final: Failure = { ...transient, final: true }
const conditionsOf = (overrides: Overrides) =>
  Object.fromEntries(
    agentStatus(inputWith(overrides)).conditions?.map((c) => [c.type, `${c.status} ${c.reason}`]) ?? [],
  )

describe('agentStatus: vmState and powerState', () => {
  it.each([
    ['running', 'active', 'Running'],
    ['paused', 'paused', 'Paused'],
    ['off', 'stopped', 'Shutdown'],
    ['saved', 'suspended', 'Shutdown'],
    ['crashed', 'stopped', 'Crashed'],
    ['pmsuspended', 'active', 'Suspended'],
    ['missing', 'stopped', 'NOSTATE'],
  ] as const)('a domain that is %s has vmState %s and powerState %s', (power, vmState, powerState) => {
    expect(agentStatus(inputWith({ power }))).toMatchObject({ vmState, powerState })
  })

  it.each(domainPowers)(
    'vmState is building before the launch, error after a fault, and unchanged during a deletion (domain %s)',
    (power) => {
      const running = planned('create')
      expect(agentStatus(inputWith({ power, status: {}, running })).vmState).toBe('building')
      expect(agentStatus(inputWith({ power, failure: final })).vmState).toBe('error')
      expect(
        agentStatus(inputWith({ power, deleting: true, status: { ...launched, vmState: 'paused' } })).vmState,
      ).toBe('paused')
      expect(agentStatus(inputWith({ power, failure: transient })).vmState).not.toBe('error')
    },
  )
})

describe('agentStatus keeps', () => {
  it('launchedAt, which it sets when the server was created or first seen to run', () => {
    const created = { power: 'off', status: {}, finished: planned('create') } as const
    expect(agentStatus(inputWith(created)).launchedAt).toBe(now)
    expect(agentStatus(inputWith({ ...created, failure: final })).launchedAt).toBeUndefined()
    expect(agentStatus(inputWith({ status: {} })).launchedAt).toBe(now)
    expect(agentStatus(inputWith({ status: {}, running: planned('create') })).launchedAt).toBeUndefined()
    expect(agentStatus(inputWith()).launchedAt).toBe(then)
  })

  it.each([
    ['met', { desired: 'Stopped', power: 'off' }, 'Stopped'],
    ['not met', { desired: 'Stopped', power: 'running' }, 'Running'],
    ['met, but an action runs', { desired: 'Stopped', power: 'off', running: planned('start') }, 'Running'],
    [
      'another than the power of the action that has succeeded',
      { desired: 'Running', power: 'off', finished: planned('stop') },
      'Stopped',
    ],
    [
      'not met by an action that failed',
      { desired: 'Stopped', power: 'running', finished: planned('stop'), failure: final },
      'Running',
    ],
    [
      'reached by a request',
      { desired: 'Running', power: 'running', finished: planned('reboot'), status: {} },
      'Running',
    ],
  ] as [string, Overrides, DesiredPower][])(
    'reachedPowerState when the desired power is %s',
    (_, overrides, reached) => {
      expect(agentStatus(inputWith(overrides)).reachedPowerState).toBe(reached)
    },
  )

  it('lastCompletedAction, the last completed request', () => {
    const request = { name: 'r', uid: 'd2', admittedAt: then }
    const status = { ...launched, lastCompletedAction: 'd1' }
    expect(agentStatus(inputWith({ status })).lastCompletedAction).toBe('d1')
    expect(agentStatus(inputWith({ status, finished: { ...planned('reboot'), request } })).lastCompletedAction).toBe(
      'd2',
    )
    expect(agentStatus(inputWith({ status, finished: planned('stop') })).lastCompletedAction).toBe('d1')
  })

  it('the time of a fault while its message stays', () => {
    const old = { code: 500, message: final.message, created: then }
    const status = { ...launched, fault: old }
    expect(agentStatus(inputWith({ status, failure: final })).fault).toMatchObject({
      created: then,
      details: 'LibvirtError',
    })
    expect(agentStatus(inputWith({ status, failure: { ...final, message: 'other' } })).fault).toMatchObject({
      created: now,
    })
    expect(agentStatus(inputWith({ status, failure: transient })).fault).toBeUndefined()
    expect(agentStatus(inputWith({ status })).fault).toBeUndefined()
  })
})

describe('agentStatus: taskState while an action runs, and none after it', () => {
  it.each([
    [planned('create'), 'spawning'],
    [planned('delete'), 'deleting'],
    [planned('stop'), 'powering-off'],
    [planned('reboot', { type: 'SOFT' }), 'rebooting'],
    [planned('reboot', { type: 'HARD' }), 'rebooting_hard'],
  ])('%j', (running, taskState) => {
    expect(agentStatus(inputWith({ running })).taskState).toBe(taskState)
    expect(agentStatus(inputWith({ finished: running })).taskState).toBeUndefined()
  })
})

describe('agentStatus: conditions of a server that is', () => {
  it.each([
    ['running, as desired', {}, { Ready: 'True Running' }],
    ['off, as desired', { desired: 'Stopped', power: 'off' }, { Ready: 'True Stopped' }],
    ['off as desired, without a domain', { desired: 'Stopped', power: 'missing' }, { Ready: 'True Stopped' }],
    ['building', { running: planned('create'), status: {} }, { Ready: 'False Building', Reconciling: 'True Building' }],
    ['stopping', { running: planned('stop') }, { Ready: 'False PowerChanging', Reconciling: 'True PowerChanging' }],
    [
      'rebooting',
      { running: planned('reboot', { type: 'HARD' }) },
      { Ready: 'False Rebooting', Reconciling: 'True Rebooting' },
    ],
    [
      'deleting',
      { running: planned('delete'), deleting: true },
      { Ready: 'False Deleting', Reconciling: 'True Deleting' },
    ],
    [
      'to be tried again',
      { running: planned('stop'), failure: transient },
      { Ready: 'False LibvirtError', Reconciling: 'True LibvirtError' },
    ],
    ['failed', { failure: final }, { Ready: 'False LibvirtError', Stalled: 'True LibvirtError' }],
    [
      'rejected by this host',
      { failure: { ...final, rejectsHost: true } },
      { Ready: 'False LibvirtError', Reconciling: 'True LibvirtError' },
    ],
    [
      'shut off by its guest',
      { power: 'off', reason: 'shutdown' },
      { Ready: 'False GuestShutdown', Stalled: 'True GuestShutdown' },
    ],
    [
      'asleep',
      { power: 'pmsuspended', reason: 'unknown' },
      { Ready: 'False GuestSleeps', Stalled: 'True GuestSleeps' },
    ],
    [
      'paused on the host',
      { power: 'paused', reason: 'user' },
      { Ready: 'False ChangedOnHost', Stalled: 'True ChangedOnHost' },
    ],
    [
      'saved to a file on the host',
      { power: 'off', reason: 'saved' },
      { Ready: 'False ChangedOnHost', Stalled: 'True ChangedOnHost' },
    ],
    [
      'migrated to another host',
      { power: 'off', reason: 'migrated' },
      { Ready: 'False ChangedOnHost', Stalled: 'True ChangedOnHost' },
    ],
    [
      'stopped by a disk I/O error',
      { power: 'paused', reason: 'io-error' },
      { Ready: 'False DiskIOError', Stalled: 'True DiskIOError' },
    ],
  ] as [string, Overrides, object][])('%s', (_, overrides, expected) => {
    expect(conditionsOf(overrides)).toEqual(expected)
  })

  it('any: they have the observedGeneration, and keep their time while their status stays', () => {
    const ready = { type: 'Ready', status: 'False' as const, reason: 'X', message: 'x', lastTransitionTime: then }
    const status = { ...launched, conditions: [ready] }
    expect(agentStatus(inputWith({ status, failure: final })).conditions?.[0]).toMatchObject({
      observedGeneration: 3,
      lastTransitionTime: then,
    })
    expect(agentStatus(inputWith({ status })).conditions?.[0]).toMatchObject({ lastTransitionTime: now })
  })

  it('being built: they have the progress as message', () => {
    const { conditions } = agentStatus(
      inputWith({ running: planned('create'), status: {}, progress: '40 % of the image' }),
    )
    expect(conditions?.map(({ message }) => message)).toEqual(['40 % of the image', '40 % of the image'])
  })
})

describe('agentStatus advises what the controller accepts', () => {
  const sleeps = 'the guest sleeps: it has suspended itself to RAM and keeps its memory; to wake it, '
  const isOff = 'the guest powered itself off; to start it, '
  it.each([
    [
      'Running',
      'pmsuspended',
      `${sleeps}create a ServerAction with action: start, or set powerState to Paused and back`,
    ],
    ['Paused', 'pmsuspended', `${sleeps}set powerState to Running`],
    ['Suspended', 'pmsuspended', `${sleeps}set powerState to Running`],
    ['Running', 'off', `${isOff}create a ServerAction with action: start, or set powerState to Stopped and back`],
    ['Paused', 'off', `${isOff}set powerState to Stopped and back`],
  ] as const)('when powerState is %s and the domain is %s', (desired, power, message) => {
    const { conditions } = agentStatus(inputWith({ desired, power, reason: 'shutdown' }))
    expect(conditions?.[0]?.message).toBe(message)
  })
})

it('agentStatus has the name of a domain that somebody has renamed', () => {
  const input = inputWith({})
  expect(agentStatus({ ...input, observed: { ...input.observed, name: 'renamed' } }).domain?.name).toBe('renamed')
})

describe('agentStatus of a rescued server', () => {
  const rescued = { ...launched, mode: 'rescued' as const }

  it.each(domainPowers)('is rescued and keeps its mode when its domain is %s', (power) => {
    expect(agentStatus(inputWith({ power, status: rescued }))).toMatchObject({ vmState: 'rescued', mode: 'rescued' })
  })

  it('is in error and keeps its mode when it has a fault', () => {
    expect(agentStatus(inputWith({ status: rescued, failure: final }))).toMatchObject({
      vmState: 'error',
      mode: 'rescued',
    })
  })

  it('is not Ready, and says how to end the rescue', () => {
    expect(agentStatus(inputWith({ status: rescued })).conditions).toMatchObject([
      { type: 'Ready', status: 'False', reason: 'Rescued', message: expect.stringMatching(/action: unrescue$/) },
      { type: 'Stalled', status: 'True', reason: 'Rescued' },
    ])
  })

  it('says how to end the rescue when the rescue system has powered itself off', () => {
    const { conditions } = agentStatus(inputWith({ status: rescued, power: 'off', reason: 'shutdown' }))
    expect(conditions?.[0]).toMatchObject({
      reason: 'RescueNotRunning',
      message:
        'the rescue system does not run: its domain is off; to return to the server’s own disk, create a ServerAction with action: unrescue',
    })
  })

  it('says that a changed spec.powerState waits, and does not count it as reached', () => {
    const status = agentStatus(inputWith({ status: rescued, desired: 'Stopped' }))
    expect(status.conditions?.[0]?.message).toMatch(/unrescue; spec.powerState Stopped is acted on after that$/)
    expect(status.reachedPowerState).toBe('Running')
    const off = agentStatus(inputWith({ status: rescued, desired: 'Stopped', power: 'off', reason: 'shutdown' }))
    expect(off.reachedPowerState).toBe('Running')
    expect(off.conditions).toMatchObject([
      { type: 'Ready', reason: 'RescueNotRunning' },
      { type: 'Stalled', reason: 'RescueNotRunning' },
    ])
  })

  it('has no mode in its status when it is normal', () => {
    expect(agentStatus(inputWith())).not.toHaveProperty('mode')
  })
})

it('agentStatus fits the schema in every state', () => {
  const vmStates: VmState[] = ['building', 'active', 'error']
  for (const power of domainPowers)
    for (const desired of desiredPowers)
      for (const vmState of vmStates)
        for (const more of [
          {},
          { running: planned('stop') },
          { finished: planned('create') },
          { failure: final },
          { failure: transient, running: planned('start') },
        ]) {
          const status = agentStatus(inputWith({ power, desired, status: { vmState }, ...more }))
          expect([...Value.Errors(serverKind.status, status)]).toEqual([])
        }
})
