import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { type Hypervisor, hypervisor as hypervisorKind } from '../../crds/index.ts'
import { makeHypervisor } from '../scheduler/testing.ts'
import { hostStatus } from './status.ts'

const then = '2026-01-01T00:00:00Z'
const now = '2026-01-02T00:00:00Z'
const used = { vcpus: 3, ram: 3072, disk: 30, servers: 2, ioOps: 1 }
const facts = { up: true, whyDown: 'it is silent', used, now, version: '0.3.0' }
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

  it('says on a host that is up or down that its agent has another version, and only while it has', () => {
    const makeOld = (conditions: NonNullable<Hypervisor['status']>['conditions'] = []): Hypervisor => {
      const host = makeHost(conditions)
      return { ...host, status: { ...host.status, agentVersion: '0.1.0' } }
    }
    const skew = {
      type: 'VersionSkew',
      status: 'True',
      reason: 'AgentTooOld',
      message:
        'the agent has version 0.1.0, the controller 0.3.0, which works with agents from 0.2 to 0.4; guests run on, and no server is placed here: upgrade the agent',
      lastTransitionTime: now,
    } as const
    expect(hostStatus(makeOld(), facts).conditions).toEqual([skew])
    expect(hostStatus(makeOld([skew]), { ...facts, now: then }).conditions).toEqual([skew])
    expect(hostStatus(makeOld(), { ...facts, up: false }).conditions?.map(({ type }) => type)).toEqual([
      'Ready',
      'VersionSkew',
    ])
    expect(hostStatus(makeOld([skew]), { ...facts, version: '0.2.0' })).not.toHaveProperty('conditions')
  })

  it('fits the schema of the status', () => {
    for (const up of [true, false])
      expect([...Value.Errors(hypervisorKind.status, hostStatus(makeHost(), { ...facts, up }))]).toEqual([])
  })
})
