import { describe, expect, it } from 'vitest'
import { hasConditions } from '../../hack/generate/argocd.ts'
import { kinds } from '../../hack/generate/kinds.ts'
import { type Health, healthOf, kindsWithHealth } from './customizations.ts'

type Status = Record<string, unknown>
const now = '2026-01-02T00:00:00Z'

const condition = (type: string, status: string, reason: string, message = 'a message', observedGeneration = 2) => ({
  type,
  status,
  reason,
  message,
  observedGeneration,
  lastTransitionTime: now,
})

const reconciling = (reason: string) => [condition('Ready', 'False', reason), condition('Reconciling', 'True', reason)]
const stalled = (reason: string) => [condition('Ready', 'False', reason), condition('Stalled', 'True', reason)]
const ready = (reason: string) => [condition('Ready', 'True', reason)]
const different = (reason: string) => [condition('Ready', 'False', reason)]

const objectOf = (kind: string, status?: Status) => ({
  apiVersion: 'compute.kubenova.io/v1alpha1',
  kind,
  metadata: { name: 'a', namespace: 'default', generation: 2 },
  spec: {},
  ...(status && { status }),
})

const serverStates: [state: string, status: Status | undefined, expected: Health['status']][] = [
  ['that is new', undefined, 'Progressing'],
  ['that waits for its Flavor', { vmState: 'building', conditions: reconciling('FlavorNotFound') }, 'Progressing'],
  ['that no host can take', { vmState: 'error', conditions: stalled('NoValidHost') }, 'Degraded'],
  ['that was placed', { vmState: 'building', conditions: different('Building') }, 'Progressing'],
  ['that is built', { vmState: 'building', conditions: reconciling('Building') }, 'Progressing'],
  ['that a host has rejected', { vmState: 'building', conditions: reconciling('HostRejected') }, 'Progressing'],
  ['that runs', { vmState: 'active', conditions: ready('Running') }, 'Healthy'],
  ['that is off as its spec says', { vmState: 'stopped', conditions: ready('Stopped') }, 'Healthy'],
  ['that is paused as its spec says', { vmState: 'paused', conditions: ready('Paused') }, 'Suspended'],
  ['that is suspended as its spec says', { vmState: 'suspended', conditions: ready('Suspended') }, 'Suspended'],
  ['that stops', { vmState: 'active', conditions: reconciling('PowerChanging') }, 'Progressing'],
  ['that reboots', { vmState: 'active', conditions: reconciling('Rebooting') }, 'Progressing'],
  ['that is retried after an error', { vmState: 'error', conditions: reconciling('PowerChanging') }, 'Progressing'],
  ['whose guest is off by itself', { vmState: 'stopped', conditions: different('GuestShutdown') }, 'Degraded'],
  ['that was changed with virsh', { vmState: 'stopped', conditions: different('ChangedOnHost') }, 'Degraded'],
  ['whose disk has no room', { vmState: 'paused', conditions: different('DiskIOError') }, 'Degraded'],
  ['whose QEMU ends again and again', { vmState: 'stopped', conditions: reconciling('RestartDelayed') }, 'Degraded'],
  ['in error', { vmState: 'error', conditions: stalled('ImageChecksumMismatch') }, 'Degraded'],
  ['that is being rescued', { vmState: 'active', conditions: reconciling('Rescuing') }, 'Progressing'],
  ['that is rescued', { vmState: 'rescued', mode: 'rescued', conditions: different('Rescued') }, 'Suspended'],
  ['whose rescue system is off', { vmState: 'rescued', conditions: different('RescueNotRunning') }, 'Degraded'],
  ['whose guest sleeps', { vmState: 'active', conditions: different('GuestSleeps') }, 'Suspended'],
  ['that nobody has seen', { conditions: [condition('Ready', 'Unknown', 'Pending', 'new', 0)] }, 'Progressing'],
  ['without libvirtd', { vmState: 'active', conditions: reconciling('LibvirtUnreachable') }, 'Progressing'],
  ['whose host is down', { vmState: 'active', conditions: [condition('Ready', 'Unknown', 'HostDown')] }, 'Degraded'],
  [
    'whose host is down and whose spec has changed',
    { vmState: 'active', conditions: [condition('Ready', 'Unknown', 'HostDown', 'a message', 1)] },
    'Degraded',
  ],
  [
    'whose spec has just changed',
    { vmState: 'active', conditions: [condition('Ready', 'True', 'Running', 'a message', 1)] },
    'Progressing',
  ],
  [
    'in error whose spec has just changed',
    { vmState: 'error', conditions: [condition('Ready', 'False', 'NoValidHost', 'a message', 1)] },
    'Progressing',
  ],
]

const otherStates: [kind: string, state: string, status: Status | undefined, expected: Health['status']][] = [
  ['ServerAction', 'that is new', undefined, 'Progressing'],
  ['ServerAction', 'that waits', { phase: 'Pending' }, 'Progressing'],
  [
    'ServerAction',
    'that runs',
    { phase: 'Running', conditions: [condition('Accepted', 'True', 'Accepted')] },
    'Progressing',
  ],
  ['ServerAction', 'that has succeeded', { phase: 'Succeeded' }, 'Healthy'],
  ['ServerAction', 'that has failed', { phase: 'Failed', message: 'no guest agent' }, 'Degraded'],
  ['ServerAction', 'that was rejected', { phase: 'Rejected', message: 'the server is locked' }, 'Degraded'],
  ['Flavor', 'that is new', undefined, 'Progressing'],
  ['Flavor', 'that is valid', { conditions: ready('Valid') }, 'Healthy'],
  [
    'Image',
    'that nobody has seen',
    { conditions: [condition('Ready', 'Unknown', 'Pending', 'new', 0)] },
    'Progressing',
  ],
  ['Image', 'that is valid', { conditions: ready('Valid') }, 'Healthy'],
  ['Image', 'that has just changed', { conditions: [condition('Ready', 'True', 'Valid', 'a', 1)] }, 'Progressing'],
  ['KeyPair', 'that is valid', { conditions: ready('Valid') }, 'Healthy'],
  ['KeyPair', 'whose key cannot be read', { conditions: different('InvalidKeyPair') }, 'Degraded'],
  ['Network', 'that is valid', { conditions: ready('Valid') }, 'Healthy'],
  ['Network', 'that overlaps another', { conditions: different('SubnetsOverlap') }, 'Progressing'],
  ['Network', 'whose DHCP address a server has', { conditions: different('AddressInUse') }, 'Progressing'],
  ['Network', 'with an invalid subnet', { conditions: different('InvalidSubnet') }, 'Degraded'],
  [
    'Port',
    'that is free',
    { conditions: [{ ...condition('Ready', 'True', 'Allocated'), observedGeneration: undefined }] },
    'Healthy',
  ],
  [
    'Port',
    'that a Server uses',
    { conditions: [{ ...condition('Ready', 'True', 'Bound'), observedGeneration: undefined }] },
    'Healthy',
  ],
  [
    'Port',
    'that waits for its Network',
    { conditions: [{ ...condition('Ready', 'False', 'NetworkNotFound'), observedGeneration: undefined }] },
    'Progressing',
  ],
  [
    'Port',
    'whose address is in use',
    { conditions: [{ ...condition('Ready', 'False', 'AddressInUse'), observedGeneration: undefined }] },
    'Progressing',
  ],
  ['Hypervisor', 'that is up', { state: 'up', conditions: ready('Connected') }, 'Healthy'],
  ['Hypervisor', 'without libvirtd', { state: 'up', conditions: different('LibvirtUnreachable') }, 'Degraded'],
  [
    'Hypervisor',
    'that is down',
    { state: 'down', conditions: [condition('Ready', 'Unknown', 'HostDown')] },
    'Degraded',
  ],
  ['HostAggregate', 'that is valid', { conditions: ready('Valid') }, 'Healthy'],
  ['HostAggregate', 'that waits for a host', { conditions: different('HostNotFound') }, 'Progressing'],
  ['HostAggregate', 'whose host is in another zone', { conditions: different('HostInOtherZone') }, 'Degraded'],
]

it('every kind with conditions has a health check and a test', () => {
  const names = kinds
    .filter(hasConditions)
    .map(({ kind }) => kind)
    .toSorted((a, b) => a.localeCompare(b))
  expect(kindsWithHealth.toSorted((a, b) => a.localeCompare(b))).toEqual(names)
  expect([...new Set(['Server', ...otherStates.map(([kind]) => kind)])].toSorted((a, b) => a.localeCompare(b))).toEqual(
    names,
  )
})

describe('Server', () => {
  const results = healthOf(serverStates.map(([, status]) => objectOf('Server', status)))
  it.each(serverStates.map(([state, , expected], i) => [state, expected, i] as const))('%s is %s', (_, expected, i) => {
    expect(results[i]?.status).toBe(expected)
  })
})

describe('the other kinds', () => {
  const results = healthOf(otherStates.map(([kind, , status]) => objectOf(kind, status)))
  it.each(otherStates.map(([kind, state, , expected], i) => [kind, state, expected, i] as const))(
    '%s %s is %s',
    (_, __, expected, i) => {
      expect(results[i]?.status).toBe(expected)
    },
  )
})

it.each([
  ['Server', { vmState: 'error', conditions: stalled('NoValidHost') }, 'NoValidHost: a message'],
  ['Server', { vmState: 'active', conditions: ready('Running') }, 'Running: a message'],
  ['Network', { conditions: different('SubnetsOverlap') }, 'SubnetsOverlap: a message'],
  ['ServerAction', { phase: 'Rejected', message: 'the server is locked' }, 'Rejected: the server is locked'],
  ['ServerAction', { phase: 'Running' }, 'the phase is Running'],
])('%s shows reason and message of the condition, or the message of the action', (kind, status, message) => {
  expect(healthOf([objectOf(kind, status)])[0]?.message).toBe(message)
})
