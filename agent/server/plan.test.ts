import { describe, expect, it } from 'vitest'
import { desiredPowers, type Server, type ServerStatus } from '../../crds/index.ts'
import type { DomainPower, Observed } from './observed.ts'
import { isMet, plan, planPower, remembered } from './plan.ts'

const powers: DomainPower[] = ['running', 'paused', 'off', 'saved', 'crashed', 'pmsuspended', 'missing']

interface Given {
  wish?: Server['spec']['powerState']
  generation?: number
  deleting?: boolean
  status?: Partial<ServerStatus>
}

function server({ wish = 'Running', generation = 1, deleting = false, status = {} }: Given = {}): Server {
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Server',
    metadata: {
      name: 'web-1',
      namespace: 'demo',
      uid: 'u1',
      generation,
      ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { flavor: 'tiny', configDrive: true, networks: [], powerState: wish, locked: false },
    status: {
      instance: {} as NonNullable<ServerStatus['instance']>,
      launchedAt: 'then',
      reachedPowerState: 'Running',
      ...status,
    },
  }
}

describe('planPower', () => {
  // wish, power, reason, the wish is new → action
  const rows: [Server['spec']['powerState'], DomainPower, string, boolean, string | undefined][] = [
    ['Running', 'running', 'booted', false, undefined],
    ['Running', 'off', 'shutdown', false, undefined], // the guest powered itself off: recorded, as Nova does
    ['Running', 'off', 'shutdown', true, 'start'],
    ['Running', 'off', 'destroyed', false, 'start'], // killed behind our back: the wish lasts
    ['Running', 'off', 'failed', false, 'start'],
    ['Running', 'off', 'saved', false, undefined], // virsh save: its memory is in a file of somebody's
    ['Running', 'off', 'saved', true, 'start'],
    ['Running', 'off', 'migrated', false, undefined], // it runs on another host: never twice
    ['Paused', 'off', 'migrated', false, undefined],
    ['Running', 'off', 'unknown', false, 'start'], // after a reboot of the host
    ['Running', 'crashed', 'panicked', false, 'start'],
    ['Running', 'missing', '', false, 'start'],
    ['Running', 'paused', 'user', false, undefined],
    ['Running', 'paused', 'user', true, 'unpause'],
    ['Running', 'saved', 'saved', true, 'resume'],
    ['Stopped', 'running', 'booted', false, 'stop'], // started behind our back: stopped, as Nova does
    ['Stopped', 'saved', 'saved', true, 'stop'],
    ['Stopped', 'off', 'shutdown', true, undefined],
    ['Stopped', 'missing', '', true, undefined],
    ['Paused', 'running', 'booted', true, 'pause'],
    ['Paused', 'off', 'destroyed', true, 'start'],
    ['Suspended', 'running', 'booted', true, 'suspend'],
    ['Suspended', 'saved', 'saved', true, undefined],
    ['Suspended', 'off', 'saved', false, undefined],
  ]
  it.each(rows)('%s, domain %s (%s), new wish %s → %s', (wish, power, reason, changed, action) => {
    expect(planPower(wish, { power, reason }, changed)).toBe(action)
  })

  it('leads from every power to every new wish in at most three actions', () => {
    const after: Record<string, DomainPower> = {
      start: 'running',
      unpause: 'running',
      resume: 'running',
      stop: 'off',
      pause: 'paused',
      suspend: 'saved',
    }
    for (const wish of desiredPowers)
      for (const from of powers) {
        // A guest that sleeps has its memory and its wish to run: nothing leads it on but itself.
        if (wish === 'Running' && from === 'pmsuspended') continue
        let power = from
        for (let i = 0; i < 3 && !isMet(wish, power); i++) {
          const action = planPower(wish, { power, reason: 'destroyed' }, true)
          expect(action, `${wish} from ${power}`).toBeDefined()
          power = after[action!]!
        }
        expect(isMet(wish, power), `${wish} from ${from}`).toBe(true)
      }
  })

  it('does nothing where the wish is met', () => {
    for (const wish of desiredPowers)
      for (const power of powers) if (isMet(wish, power)) expect(planPower(wish, { power }, true)).toBeUndefined()
  })
})

describe('plan', () => {
  const running: Observed = { power: 'running', reason: 'booted' }

  it('deletes before all else', () => {
    const deed = { name: 'a', uid: 'd1', action: 'reboot', admittedAt: 'now' }
    expect(plan(server({ deleting: true, status: { activeAction: deed } }), running)?.action).toBe('delete')
  })

  it('does an admitted deed once', () => {
    const action = { name: 'a', uid: 'd1', action: 'reboot', params: { type: 'HARD' }, admittedAt: 'now' }
    expect(plan(server({ status: { activeAction: action } }), running)).toMatchObject({
      action: 'reboot',
      mark: 'd1',
      deed: { uid: 'd1' },
    })
    expect(plan(server({ status: { activeAction: action, lastCompletedAction: 'd1' } }), running)).toBeUndefined()
  })

  it('takes a deed that boots for another try of a creation that failed', () => {
    const action = { name: 'a', uid: 'd1', action: 'reboot', params: { type: 'HARD' }, admittedAt: 'now' }
    const failed = server({ status: { vmState: 'error', observedGeneration: 1, activeAction: action } })
    delete failed.status!.launchedAt
    expect(plan(failed, { power: 'missing' })).toMatchObject({
      action: 'create',
      params: {},
      mark: 'd1',
      deed: { uid: 'd1' },
    })
  })

  it('creates what never ran, under the same mark each time', () => {
    const fresh = server()
    delete fresh.status!.launchedAt
    expect(plan(fresh, { power: 'missing' })).toMatchObject({ action: 'create', mark: 'create:u1' })
    expect(plan(fresh, { power: 'off' })).toMatchObject({ action: 'create', mark: 'create:u1' })
  })

  it('leaves a faulty server alone until its spec changes', () => {
    const status: Partial<ServerStatus> = { vmState: 'error', observedGeneration: 1 }
    expect(plan(server({ status }), { power: 'missing' })).toBeUndefined()
    expect(plan(server({ status, generation: 2 }), { power: 'missing' })?.action).toBe('start')
  })

  it('does nothing to a server that is not placed', () => {
    const unplaced = server()
    delete unplaced.status!.instance
    expect(plan(unplaced, { power: 'missing' })).toBeUndefined()
  })
})

describe('a stop that was announced', () => {
  it.each(['Running', 'Stopped', 'Paused'] as const)('is ended, though %s is wished by now', (wish) => {
    const status = { taskState: 'powering-off' } as const
    expect(plan(server({ wish, generation: 2, status }), { power: 'running' })?.action).toBe('stop')
  })
})

describe('what nobody asked for', () => {
  it('restores; what is wished anew, or was begun, does not', () => {
    const off: Observed = { power: 'off', reason: 'destroyed' }
    expect(plan(server(), off)).toMatchObject({ action: 'start', restores: true })
    expect(plan(server({ status: { reachedPowerState: 'Stopped' } }), off)).not.toHaveProperty('restores')
    expect(plan(server({ status: { taskState: 'powering-off' } }), off)).not.toHaveProperty('restores')
  })
})

describe('why a domain is off, after libvirt was started again', () => {
  const forgot: Observed = { power: 'off', reason: 'unknown' }
  const rows: [string, Observed, Partial<ServerStatus>, string | undefined, string | undefined][] = [
    // what, seen, said before → reason, action
    [
      'it powered itself off',
      forgot,
      { powerState: 'Shutdown', domain: { name: 'd', reason: 'shutdown' } },
      'shutdown',
      undefined,
    ],
    [
      'it was saved by hand',
      forgot,
      { powerState: 'Shutdown', domain: { name: 'd', reason: 'saved' } },
      'saved',
      undefined,
    ],
    [
      'it ran when the host lost its power',
      forgot,
      { powerState: 'Running', domain: { name: 'd', reason: 'booted' } },
      'unknown',
      'start',
    ],
    ['nothing was said of it', forgot, {}, 'unknown', 'start'],
    [
      'libvirt knows',
      { power: 'off', reason: 'destroyed' },
      { powerState: 'Shutdown', domain: { name: 'd', reason: 'shutdown' } },
      'destroyed',
      'start',
    ],
  ]
  it.each(rows)('%s', (_, seen, status, reason, action) => {
    const given = server({ status })
    const observed = remembered(seen, given)
    expect(observed.reason).toBe(reason)
    expect(plan(given, observed)?.action).toBe(action)
  })
})
