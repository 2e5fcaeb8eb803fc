import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { type Hypervisor, hypervisor as hypervisorKind } from '../../crds/index.ts'
import { makeHypervisor } from '../scheduler/testing.ts'
import { hostStatus } from './status.ts'

const then = '2026-01-01T00:00:00Z'
const now = '2026-01-02T00:00:00Z'
const used = { vcpus: 3, ram: 3072, disk: 30, servers: 2, ioOps: 1 }
const facts = { up: true, whyDown: 'it is silent', used, now }
const makeHost = (conditions: NonNullable<Hypervisor['status']>['conditions'] = []): Hypervisor => {
  const base = makeHypervisor('h1')
  return { ...base, status: { ...base.status, conditions } }
}

describe('hostStatus', () => {
  it('returns the usage and the state of a host that is up, and no field of its agent', () => {
    expect(hostStatus(makeHost(), facts)).toEqual({
      observedGeneration: -1,
      state: 'up',
      used: { vcpus: 3, ram: 3072, disk: 30 },
      servers: 2,
    })
  })

  it('sets Ready to Unknown with the reason while the host is down', () => {
    const status = hostStatus(makeHost(), { ...facts, up: false })
    expect(status).toMatchObject({
      state: 'down',
      conditions: [
        { type: 'Ready', status: 'Unknown', reason: 'HostDown', message: 'it is silent', lastTransitionTime: now },
      ],
    })
    const later = hostStatus(makeHost(status.conditions), { ...facts, up: false, now: then })
    expect(later.conditions).toEqual(status.conditions)
  })

  it('keeps that Ready condition when the host is up again, until the agent has written another', () => {
    const { conditions } = hostStatus(makeHost(), { ...facts, up: false })
    expect(hostStatus(makeHost(conditions), facts).conditions).toEqual(conditions)
    const agents = [
      { type: 'Ready', status: 'True' as const, reason: 'Connected', message: 'm', lastTransitionTime: now },
    ]
    expect(hostStatus(makeHost(agents), facts)).not.toHaveProperty('conditions')
  })

  it('fits the schema of the status', () => {
    for (const up of [true, false])
      expect([...Value.Errors(hypervisorKind.status, hostStatus(makeHost(), { ...facts, up }))]).toEqual([])
  })
})
