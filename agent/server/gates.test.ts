import { describe, expect, it } from 'vitest'
import type { Server } from '../../crds/index.ts'
import type { Outcome } from '../../kube/outcome.ts'
import { type AgentState, findClosedGate, reconcileGates } from './gates.ts'

const open: AgentState = { areFactsKnown: true, isLibvirtAway: false, isHeartbeatOverdue: false }

function serverOf(hostReachable?: 'True' | 'False'): Server {
  const condition = {
    type: 'HostReachable',
    reason: 'HostDown',
    message: 'm',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  return {
    apiVersion: 'compute.kubenova.io/v1alpha1',
    kind: 'Server',
    metadata: { name: 'web', namespace: 'demo' },
    spec: { flavor: 'tiny', powerState: 'Running', networks: [] } as unknown as Server['spec'],
    ...(hostReachable ? { status: { conditions: [{ ...condition, status: hostReachable }] } } : {}),
  }
}

const waitOutcome = (what: string, recheckAfter?: number): Outcome => ({ kind: 'wait', for: what, recheckAfter })

describe('reconcileGates', () => {
  it.each<[string, string, Server, AgentState, Outcome | undefined]>([
    ['factsKnown', 'opens when the facts are known', serverOf(), open, undefined],
    [
      'factsKnown',
      'waits while they are not',
      serverOf(),
      { ...open, areFactsKnown: false },
      waitOutcome('what the host can do'),
    ],
    [
      'factsKnown',
      'opens without them while libvirt is away',
      serverOf(),
      { ...open, areFactsKnown: false, isLibvirtAway: true },
      undefined,
    ],
    ['heartbeatTaken', 'opens while heartbeats are taken', serverOf(), open, undefined],
    [
      'heartbeatTaken',
      'asks again after a second while they are not',
      serverOf(),
      { ...open, isHeartbeatOverdue: true },
      waitOutcome('the API server to take a heartbeat', 1000),
    ],
    ['hostReachable', 'opens without the condition', serverOf(), open, undefined],
    ['hostReachable', 'opens when it is True', serverOf('True'), open, undefined],
    [
      'hostReachable',
      'waits when it is False',
      serverOf('False'),
      open,
      waitOutcome('the controller to hear of this host'),
    ],
  ])('%s %s', (name, _, server, state, outcome) => {
    expect(reconcileGates.find((gate) => gate.name === name)?.blocks(server, state)).toEqual(outcome)
  })

  it('have this order', () => {
    expect(reconcileGates.map(({ name }) => name)).toEqual(['factsKnown', 'heartbeatTaken', 'hostReachable'])
  })
})

describe('findClosedGate', () => {
  it('returns undefined when all gates are open', () => {
    expect(findClosedGate(serverOf(), open)).toBeUndefined()
  })

  it('returns the outcome of the first gate that is closed', () => {
    const state = { areFactsKnown: false, isLibvirtAway: true, isHeartbeatOverdue: true }
    expect(findClosedGate(serverOf('False'), state)).toEqual(waitOutcome('the API server to take a heartbeat', 1000))
  })
})
