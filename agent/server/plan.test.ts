import { describe, expect, it } from 'vitest'
import { type DomainPower, desiredPowers, type Mode, type ServerStatus, type TaskState } from '../../crds/index.ts'
import type { Observed } from './observed.ts'
import { hasWorkBesidesPower, plan, restoreShutdownReason } from './plan.ts'
import { placedServer } from './testing.ts'

const running: Observed = { power: 'running', reason: 'booted' }
const killed: Observed = { power: 'off', reason: 'destroyed' }
const reboot = { name: 'a', uid: 'r1', action: 'reboot', params: { type: 'HARD' }, admittedAt: 'now' }
const start = { name: 's', uid: 's1', action: 'start', admittedAt: 'now' }

describe('plan', () => {
  it('plans the deletion before all else', () => {
    expect(plan(placedServer({ deleting: true, status: { activeAction: reboot } }), running)?.action).toBe('delete')
  })

  it('plans an admitted request once', () => {
    expect(plan(placedServer({ status: { activeAction: reboot } }), running)).toMatchObject({
      action: 'reboot',
      id: 'r1',
      request: { uid: 'r1' },
    })
    const ended = placedServer({ status: { activeAction: reboot, lastCompletedAction: 'r1' } })
    expect(plan(ended, running)).toBeUndefined()
  })

  it('plans the creation for a request that boots when the server was never built', () => {
    const failed = placedServer({ status: { vmState: 'error', observedGeneration: 1, activeAction: reboot } })
    delete failed.status!.launchedAt
    expect(plan(failed, { power: 'missing' })).toMatchObject({
      action: 'create',
      params: {},
      id: 'r1',
      request: { uid: 'r1' },
    })
  })

  it('plans the creation of a server that was never built, with the same id each time', () => {
    const fresh = placedServer()
    delete fresh.status!.launchedAt
    expect(plan(fresh, { power: 'missing' })).toMatchObject({ action: 'create', id: 'create:u1' })
    expect(plan(fresh, { power: 'off' })).toMatchObject({ action: 'create', id: 'create:u1' })
  })

  it('plans nothing for a server in error until its spec changes', () => {
    const status: Partial<ServerStatus> = { vmState: 'error', observedGeneration: 1 }
    expect(plan(placedServer({ status }), { power: 'missing' })).toBeUndefined()
    expect(plan(placedServer({ status, generation: 2 }), { power: 'missing' })?.action).toBe('start')
  })

  it('plans nothing for a server that is not placed', () => {
    const unplaced = placedServer()
    delete unplaced.status!.instance
    expect(plan(unplaced, { power: 'missing' })).toBeUndefined()
  })

  it('marks an action as a restoration only if nobody asked for it', () => {
    expect(plan(placedServer(), killed)).toMatchObject({ action: 'start', restores: true })
    expect(plan(placedServer({ status: { reachedPowerState: 'Stopped' } }), killed)).not.toHaveProperty('restores')
    expect(plan(placedServer({ status: { taskState: 'powering-off' } }), killed)).not.toHaveProperty('restores')
  })
})

describe('plan after a crash of the agent', () => {
  // Each row: the task state in the status, the domain's power, the desired power, the expected action.
  const rows: [TaskState, DomainPower, 'Running' | 'Stopped' | 'Paused' | 'Suspended', string | undefined][] = [
    // Finish the stop first, because a guest that was asked to power off may still do so.
    ['powering-off', 'running', 'Running', 'stop'],
    ['powering-off', 'running', 'Stopped', 'stop'],
    ['powering-off', 'running', 'Paused', 'stop'],
    ['powering-off', 'off', 'Running', 'stop'],
    // libvirtd continues to save the guest's memory, so finish the suspend first, unless the domain is off or missing.
    ['suspending', 'running', 'Running', 'suspend'],
    ['suspending', 'running', 'Stopped', 'suspend'],
    ['suspending', 'paused', 'Running', 'suspend'],
    ['suspending', 'off', 'Suspended', 'start'],
    ['suspending', 'off', 'Running', 'start'],
    ['suspending', 'off', 'Stopped', undefined],
    ['suspending', 'missing', 'Stopped', undefined],
    // Do not finish any other interrupted action if another power is desired by now.
    ['pausing', 'running', 'Running', undefined],
    ['powering-on', 'off', 'Stopped', undefined],
    ['resuming', 'saved', 'Stopped', 'stop'],
    // If the domain already has the power to which the interrupted action leads, run it again, so that its end is
    // recorded.
    ['pausing', 'paused', 'Running', 'pause'],
    ['unpausing', 'running', 'Paused', 'unpause'],
    ['suspending', 'saved', 'Running', 'suspend'],
    ['powering-on', 'running', 'Stopped', 'start'],
    ['resuming', 'running', 'Stopped', 'resume'],
  ]
  it.each(rows)('during %s, when the domain is %s and %s is desired: %s', (taskState, power, desired, action) => {
    const server = placedServer({ desired, generation: 2, status: { taskState } })
    expect(plan(server, { power, reason: 'booted' })?.action).toBe(action)
  })
})

describe('plan of a request to start a server in error', () => {
  const request = { vmState: 'error', observedGeneration: 1, activeAction: start } as const
  const rows: ['Running' | 'Stopped' | 'Paused' | 'Suspended', DomainPower, string][] = [
    ['Running', 'off', 'start'],
    ['Running', 'paused', 'start'],
    ['Stopped', 'running', 'stop'],
    ['Stopped', 'off', 'stop'],
    ['Paused', 'running', 'pause'],
    ['Paused', 'off', 'start'],
    ['Suspended', 'running', 'suspend'],
    ['Suspended', 'off', 'start'],
    ['Suspended', 'saved', 'suspend'],
  ]
  it.each(rows)('towards %s, when the domain is %s: %s', (desired, power, action) => {
    expect(plan(placedServer({ desired, status: request }), { power })).toMatchObject({ action, id: 's1' })
  })

  it('finishes the action that was announced before', () => {
    const server = placedServer({ desired: 'Paused', status: { ...request, taskState: 'powering-off' } })
    expect(plan(server, running)).toMatchObject({ action: 'stop', id: 's1' })
  })

  it('boots the rescue system again in mode rescued, whatever power is desired', () => {
    for (const desired of desiredPowers)
      expect(plan(placedServer({ desired, status: { ...request, mode: 'rescued' } }), killed)?.action).toBe('start')
  })
})

describe('plan in a mode other than normal', () => {
  const offByGuest: Observed = { power: 'off', reason: 'shutdown' }
  // Each row: the mode, the desired power reached last, the desired power now, the observed domain, the expected
  // action.
  const rows: [Mode, 'Running' | 'Stopped', 'Running' | 'Stopped' | 'Paused', Observed, string | undefined][] = [
    ['rescued', 'Running', 'Running', running, undefined],
    ['rescued', 'Running', 'Stopped', running, undefined],
    ['rescued', 'Stopped', 'Stopped', running, undefined],
    ['rescued', 'Running', 'Paused', running, undefined],
    ['rescued', 'Running', 'Running', killed, 'start'],
    ['rescued', 'Stopped', 'Stopped', killed, 'start'],
    ['rescued', 'Running', 'Stopped', { power: 'crashed' }, 'start'],
    ['rescued', 'Running', 'Running', { power: 'missing' }, 'start'],
    ['rescued', 'Running', 'Running', offByGuest, undefined],
    ['rescued', 'Running', 'Running', { power: 'paused', reason: 'user' }, undefined],
    ['rescued', 'Running', 'Running', { power: 'saved', reason: 'saved' }, undefined],
    // A resized server keeps the power that it reached last until the resize is confirmed or reverted.
    ['resized', 'Running', 'Running', running, undefined],
    ['resized', 'Running', 'Stopped', running, undefined],
    ['resized', 'Running', 'Stopped', killed, 'start'],
    ['resized', 'Stopped', 'Running', killed, undefined],
    ['resized', 'Stopped', 'Running', running, 'stop'],
    // A server in one of the following modes stays off.
    ['shelved', 'Running', 'Running', killed, undefined],
    ['shelved', 'Running', 'Running', running, 'stop'],
    ['shelvedOffloaded', 'Running', 'Running', { power: 'missing' }, undefined],
    ['softDeleted', 'Running', 'Running', offByGuest, undefined],
    ['softDeleted', 'Running', 'Running', running, 'stop'],
    ['softDeleted', 'Running', 'Running', { power: 'missing' }, undefined],
  ]
  it.each(rows)('mode %s, reached %s, desired %s, domain %j: %s', (mode, reachedPowerState, desired, seen, action) => {
    const server = placedServer({ desired, status: { mode, reachedPowerState } })
    expect(plan(server, seen)?.action).toBe(action)
  })
})

describe('isPending', () => {
  it.each([
    ['a newer generation', { generation: 2, status: { observedGeneration: 1 } }, true],
    ['an admitted request', { status: { observedGeneration: 1, activeAction: reboot } }, true],
    ['another desired power', { desired: 'Stopped', status: { observedGeneration: 1 } }, false],
    ['nothing', { status: { observedGeneration: 1 } }, false],
    [
      'a rescue while it should be off',
      { desired: 'Stopped', status: { observedGeneration: 1, mode: 'rescued' } },
      false,
    ],
  ] as const)('answers for %s', (_, given, pending) => {
    expect(hasWorkBesidesPower(placedServer(given))).toBe(pending)
  })
})

describe('restoreShutdownReason', () => {
  const forgot: Observed = { power: 'off', reason: 'unknown' }
  // Each row: a name, the observed domain, the previous status, the expected reason, the expected action.
  const rows: [string, Observed, Partial<ServerStatus>, string | undefined, string | undefined][] = [
    [
      'a guest that powered itself off',
      forgot,
      { powerState: 'Shutdown', domain: { name: 'd', reason: 'shutdown' } },
      'shutdown',
      undefined,
    ],
    [
      'a guest that a person saved to a file',
      forgot,
      { powerState: 'Shutdown', domain: { name: 'd', reason: 'saved' } },
      'saved',
      undefined,
    ],
    [
      'a guest that ran when the host lost its power',
      forgot,
      { powerState: 'Running', domain: { name: 'd', reason: 'booted' } },
      'unknown',
      'start',
    ],
    ['a guest of which nothing was reported', forgot, {}, 'unknown', 'start'],
    [
      'a guest of which libvirt knows the reason',
      killed,
      { powerState: 'Shutdown', domain: { name: 'd', reason: 'shutdown' } },
      'destroyed',
      'start',
    ],
  ]
  it.each(rows)('answers for %s after a restart of libvirtd', (_, seen, status, reason, action) => {
    const server = placedServer({ status })
    const observed = restoreShutdownReason(seen, server)
    expect(observed.reason).toBe(reason)
    expect(plan(server, observed)?.action).toBe(action)
  })
})
