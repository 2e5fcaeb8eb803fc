import { describe, expect, it } from 'vitest'
import { type DesiredPower, type DomainPower, desiredPowers, domainPowers } from '../../crds/index.ts'
import { actionForPower, isReached } from './power-policy.ts'

describe('actionForPower', () => {
  // A row has: desired power, observed power, libvirt's reason, whether the user changed the desired power, expected
  // action.
  const rows: [DesiredPower, DomainPower, string, boolean, string | undefined][] = [
    ['Running', 'running', 'booted', false, undefined],
    ['Running', 'off', 'shutdown', false, undefined], // the guest powered itself off: only reported, as in Nova
    ['Running', 'off', 'shutdown', true, 'start'],
    ['Running', 'off', 'destroyed', false, 'start'], // killed on the host: the desired power lasts
    ['Running', 'off', 'failed', false, 'start'],
    ['Running', 'off', 'saved', false, undefined], // virsh save: a person has the memory in a file
    ['Running', 'off', 'saved', true, 'start'],
    ['Running', 'off', 'migrated', false, undefined], // the guest runs on another host and must not run twice
    ['Paused', 'off', 'migrated', false, undefined],
    ['Running', 'off', 'unknown', false, 'start'], // after a reboot of the host
    ['Running', 'crashed', 'panicked', false, 'start'],
    ['Running', 'missing', '', false, 'start'],
    ['Running', 'paused', 'user', false, undefined],
    ['Running', 'paused', 'user', true, 'unpause'],
    ['Running', 'saved', 'saved', true, 'resume'],
    ['Running', 'pmsuspended', 'unknown', false, undefined], // the guest went to sleep by itself
    ['Running', 'pmsuspended', 'unknown', true, 'unpause'],
    ['Paused', 'pmsuspended', 'unknown', true, 'unpause'], // the next action pauses it; its power is never cut
    ['Suspended', 'pmsuspended', 'unknown', true, 'unpause'],
    ['Stopped', 'pmsuspended', 'unknown', false, 'stop'],
    ['Stopped', 'running', 'booted', false, 'stop'], // started on the host: stopped again, as in Nova
    ['Stopped', 'saved', 'saved', true, 'stop'],
    ['Stopped', 'off', 'shutdown', true, undefined],
    ['Stopped', 'missing', '', true, undefined],
    ['Paused', 'running', 'booted', true, 'pause'],
    ['Paused', 'off', 'destroyed', true, 'start'],
    ['Suspended', 'running', 'booted', true, 'suspend'],
    ['Suspended', 'saved', 'saved', true, undefined],
    ['Suspended', 'off', 'saved', false, undefined],
  ]
  it.each(rows)('desired %s, domain %s (%s), changed %s: %s', (desired, power, reason, isChanged, action) => {
    expect(actionForPower(desired, { power, reason }, isChanged)).toBe(action)
  })

  it('leads from every power to every newly desired one in at most three actions', () => {
    const after: Record<string, DomainPower> = {
      start: 'running',
      unpause: 'running',
      resume: 'running',
      stop: 'off',
      pause: 'paused',
      suspend: 'saved',
    }
    for (const desired of desiredPowers)
      for (const from of domainPowers) {
        let power = from
        for (let i = 0; i < 3 && !isReached(desired, power); i++) {
          const action = actionForPower(desired, { power, reason: 'destroyed' }, true)
          expect(action, `${desired} from ${power}`).toBeDefined()
          power = after[action!]!
        }
        expect(isReached(desired, power), `${desired} from ${from}`).toBe(true)
      }
  })

  it('answers none when the desired power is reached', () => {
    for (const desired of desiredPowers)
      for (const power of domainPowers)
        if (isReached(desired, power)) expect(actionForPower(desired, { power }, true)).toBeUndefined()
  })
})
