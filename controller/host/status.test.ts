import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { type Hypervisor, hypervisor as hypervisorKind } from '../../crds/index.ts'
import { makeHypervisor } from '../scheduler/testing.ts'
import { hostStatus } from './status.ts'

const then = '2026-01-01T00:00:00Z'
const now = '2026-01-02T00:00:00Z'
const used = { vcpus: 3, ram: 3072, disk: 30, servers: 2, ioOps: 1 }
const facts = { up: true, whyDown: 'it is silent', used, now }
const host = (conditions: NonNullable<Hypervisor['status']>['conditions'] = []): Hypervisor => {
  const base = makeHypervisor('h1')
  return { ...base, status: { ...base.status, conditions } }
}

describe('hostStatus', () => {
  it('says what is used, and that it is up, and no word of what its agent says', () => {
    expect(hostStatus(host(), facts)).toEqual({
      observedGeneration: 0,
      state: 'up',
      used: { vcpus: 3, ram: 3072, disk: 30 },
      servers: 2,
    })
  })

  it('of a host that is down takes over its Ready, with the reason', () => {
    const status = hostStatus(host(), { ...facts, up: false })
    expect(status).toMatchObject({
      state: 'down',
      conditions: [
        { type: 'Ready', status: 'Unknown', reason: 'HostDown', message: 'it is silent', lastTransitionTime: now },
      ],
    })
    const later = hostStatus(host(status.conditions), { ...facts, up: false, now: then })
    expect(later.conditions).toEqual(status.conditions)
  })

  it('keeps saying so when it is back, until its agent has said better', () => {
    const { conditions } = hostStatus(host(), { ...facts, up: false })
    expect(hostStatus(host(conditions), facts).conditions).toEqual(conditions)
    const agents = [
      { type: 'Ready', status: 'True' as const, reason: 'Connected', message: 'm', lastTransitionTime: now },
    ]
    expect(hostStatus(host(agents), facts)).not.toHaveProperty('conditions')
  })

  it('fits the API', () => {
    for (const up of [true, false])
      expect([...Value.Errors(hypervisorKind.status, hostStatus(host(), { ...facts, up }))]).toEqual([])
  })
})
