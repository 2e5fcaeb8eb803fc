import { describe, expect, it } from 'vitest'
import type { ServerStatus } from './index.ts'
import {
  agentManagerOf,
  conditionsOf,
  fieldManagerOf,
  fieldsOf,
  type OwnedKind,
  ownedStatus,
  ownerOfCondition,
  ownerOfField,
  ownerOfManager,
} from './index.ts'

const condition = (type: string, reason = 'Because') => ({
  type,
  reason,
  status: 'True' as const,
  message: 'm',
  lastTransitionTime: '2026-01-01T00:00:00Z',
})
const unplaced: ServerStatus = { vmState: 'building', taskState: 'scheduling', actionRecords: 0 }
const placed: ServerStatus = { ...unplaced, host: 'h1' }
const built: ServerStatus = { ...placed, domain: { name: 'd' } }

describe('fieldsOf', () => {
  it.each<[OwnedKind, Parameters<typeof fieldsOf>[1], string]>([
    [
      'Server',
      'scheduler',
      'host instance addresses rejectedHosts observedGeneration vmState taskState fault actionRecords',
    ],
    ['Server', 'admission', 'activeAction'],
    ['Server', 'nodeLifecycle', ''],
    [
      'Server',
      'agent',
      'observedGeneration vmState taskState fault actionRecords mode powerState reachedPowerState launchedAt domain console lastCompletedAction hostRejection',
    ],
    ['Hypervisor', 'nodeLifecycle', 'observedGeneration state used servers'],
    ['ServerAction', 'admission', 'phase host startTime finishTime message deletedServer'],
    ['ServerAction', 'agent', 'phase host startTime finishTime message failureScope events steps'],
    ['Port', 'addressing', 'macAddress fixedIPs server'],
    ['KeyPair', 'catalogue', 'observedGeneration fingerprint'],
    ['Flavor', 'agent', ''],
  ])('lists for %s the fields of the owner %s', (kind, owner, fields) => {
    expect(fieldsOf(kind, owner).join(' ')).toBe(fields)
  })
})

describe('conditionsOf', () => {
  it.each<[OwnedKind, Parameters<typeof conditionsOf>[1], string]>([
    ['Server', 'scheduler', 'Scheduled Ready Reconciling Stalled'],
    ['Server', 'nodeLifecycle', 'HostReachable DeletionPending Ready'],
    ['Server', 'agent', 'Ready Reconciling Stalled'],
    ['Server', 'admission', ''],
    ['ServerAction', 'admission', 'Accepted Complete Ready Stalled'],
    ['ServerAction', 'agent', 'Complete Ready Stalled'],
    ['Hypervisor', 'agent', 'Ready'],
    ['Network', 'catalogue', 'Ready Stalled'],
    ['Port', 'addressing', 'Ready Stalled'],
    ['Hypervisor', 'nodeLifecycle', 'Ready Stalled VersionSkew'],
  ])('lists for %s the conditions of the owner %s', (kind, owner, types) => {
    expect(conditionsOf(kind, owner).join(' ')).toBe(types)
  })
})

describe('the owner of a field', () => {
  it.each<[string, ServerStatus, string]>([
    ['vmState', {}, 'scheduler'],
    ['vmState', unplaced, 'scheduler'],
    ['vmState', placed, 'scheduler'],
    ['vmState', built, 'agent'],
    ['vmState', { ...unplaced, domain: { name: 'd' } }, 'scheduler'],
    ['host', built, 'scheduler'],
    ['activeAction', {}, 'admission'],
    ['domain', placed, 'agent'],
  ])('%s of a Server with status %j is %s', (field, status, owner) => {
    expect(ownerOfField('Server', field, status as never)).toBe(owner)
  })

  it('is undefined for a field that the kind does not have', () => {
    expect(ownerOfField('Server', 'colour', {})).toBeUndefined()
  })

  it('changes on a ServerAction when the agent has written its events', () => {
    expect(ownerOfField('ServerAction', 'phase', { phase: 'Running' })).toBe('admission')
    expect(ownerOfField('ServerAction', 'phase', { phase: 'Succeeded', events: [] })).toBe('agent')
  })

  it('changes on an action record that the agent creates with its steps, and not on a request that admission accepted', () => {
    const running = { phase: 'Running', steps: [] }
    expect(ownerOfField('ServerAction', 'phase', running)).toBe('agent')
    expect(ownerOfField('ServerAction', 'phase', { ...running, conditions: [condition('Accepted')] })).toBe('admission')
    expect(ownerOfField('ServerAction', 'steps', running)).toBe('agent')
  })
})

describe('the owner of the Ready condition', () => {
  it.each<[string, ServerStatus, string]>([
    ['without a host', unplaced, 'scheduler'],
    ['before the agent has written', placed, 'scheduler'],
    ['after the agent has written', built, 'agent'],
    ['while the host is down', { ...built, conditions: [condition('Ready', 'HostDown')] }, 'nodeLifecycle'],
    [
      'while another condition says HostDown',
      { ...built, conditions: [condition('DeletionPending', 'HostDown')] },
      'agent',
    ],
  ])('%s is correct', (_, status, owner) => {
    expect(ownerOfCondition('Server', 'Ready', status as never)).toBe(owner)
  })

  it('is nodeLifecycle for a Hypervisor while the host is down, and otherwise the agent', () => {
    expect(ownerOfCondition('Hypervisor', 'Ready', { conditions: [condition('Ready', 'HostDown')] })).toBe(
      'nodeLifecycle',
    )
    expect(ownerOfCondition('Hypervisor', 'Ready', { conditions: [condition('Ready', 'Connected')] })).toBe('agent')
  })
})

describe('ownedStatus', () => {
  const all: ServerStatus = {
    ...built,
    activeAction: { name: 'r', uid: 'u', action: 'reboot', admittedAt: '2026-01-01T00:00:00Z' },
    conditions: ['Scheduled', 'HostReachable', 'DeletionPending', 'Ready', 'Reconciling'].map((type) =>
      condition(type),
    ),
  }
  const part = (owner: Parameters<typeof ownedStatus>[1], status: ServerStatus) => {
    const { conditions = [], ...fields } = ownedStatus('Server', owner, status) as ServerStatus
    return [...Object.keys(fields), ...conditions.map(({ type }) => type)].join(' ')
  }

  it.each<[Parameters<typeof ownedStatus>[1], string]>([
    ['scheduler', 'host Scheduled'],
    ['admission', 'activeAction'],
    ['nodeLifecycle', 'HostReachable DeletionPending'],
    ['agent', 'vmState taskState actionRecords domain Ready Reconciling'],
  ])('picks the part of the %s', (owner, names) => expect(part(owner, all)).toBe(names))

  it('gives the state to the scheduler until the agent has written', () => {
    expect(part('scheduler', { ...placed, conditions: [condition('Ready')] })).toBe(
      'vmState taskState actionRecords host Ready',
    )
    expect(part('agent', { ...placed, conditions: [condition('Ready')] })).toBe('')
  })

  it('is empty for a status that is not there', () => {
    expect(ownedStatus('Server', 'scheduler', undefined)).toEqual({})
  })
})

describe('fieldManagerOf and agentManagerOf', () => {
  it('name the manager after the owner', () => {
    expect(fieldManagerOf('scheduler')).toBe('kubenova-scheduler')
    expect(fieldManagerOf('nodeLifecycle')).toBe('kubenova-node-lifecycle')
    expect(agentManagerOf('host-1.example.com')).toBe('kubenova-agent/host-1.example.com')
  })

  it('make different names of at most 128 characters for long names of hosts', () => {
    const [a, b] = [agentManagerOf(`${'h'.repeat(200)}1`), agentManagerOf(`${'h'.repeat(200)}2`)]
    expect(a).toBe(`kubenova-agent/${'h'.repeat(96)}-${a.slice(-16)}`)
    expect(a).toHaveLength(128)
    expect(b).toHaveLength(128)
    expect(a).not.toBe(b)
  })

  it('make names from which ownerOfManager finds the owner', () => {
    expect(ownerOfManager('kubenova-node-lifecycle')).toBe('nodeLifecycle')
    expect(ownerOfManager(agentManagerOf('h1'))).toBe('agent')
    for (const other of ['kubectl', 'kubenova-controller', 'kubenova-agent'])
      expect(ownerOfManager(other)).toBeUndefined()
  })
})
