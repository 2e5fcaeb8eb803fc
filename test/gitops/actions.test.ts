import { describe, expect, it } from 'vitest'
import { admit } from '../../actions/admit.ts'
import { API_VERSION, desiredPowers, type Server, vmStates } from '../../crds/index.ts'
import { argoActions } from '../../hack/generate/argocd-actions.ts'
import { enabledActions, runAction } from './customizations.ts'

const launched = { host: 'h1', launchedAt: '2026-01-01T00:00:00Z' }

const serverWith = (spec: object, status: object): Server =>
  ({
    apiVersion: API_VERSION,
    kind: 'Server',
    metadata: { name: 'web-1', namespace: 'default', uid: 'u1', generation: 1 },
    spec: { flavor: 'tiny', image: { name: 'guest' }, networks: [], powerState: 'Running', locked: false, ...spec },
    status: { ...launched, ...status },
  }) as unknown as Server

const active = serverWith({}, { vmState: 'active' })

describe('enabled actions of a Server', () => {
  const states: [state: string, server: Server, expected: string[]][] = [
    ['active', active, ['pause', 'reboot-hard', 'reboot-soft', 'rescue', 'stop', 'suspend', 'trigger-crash-dump']],
    ['stopped as its spec says', serverWith({ powerState: 'Stopped' }, { vmState: 'stopped' }), ['rescue', 'start']],
    ['stopped by its guest', serverWith({}, { vmState: 'stopped' }), ['reboot-hard', 'rescue', 'start']],
    [
      'paused as its spec says',
      serverWith({ powerState: 'Paused' }, { vmState: 'paused' }),
      ['stop', 'trigger-crash-dump', 'unpause'],
    ],
    [
      'suspended as its spec says',
      serverWith({ powerState: 'Suspended' }, { vmState: 'suspended' }),
      ['resume', 'stop'],
    ],
    [
      'whose guest sleeps',
      serverWith({}, { vmState: 'active', powerState: 'Suspended' }),
      ['pause', 'reboot-hard', 'reboot-soft', 'rescue', 'start', 'stop', 'suspend', 'trigger-crash-dump'],
    ],
    ['rescued', serverWith({}, { vmState: 'rescued', mode: 'rescued' }), ['trigger-crash-dump', 'unrescue']],
    [
      'in error without a host',
      serverWith({}, { vmState: 'error', host: undefined, launchedAt: undefined }),
      ['start', 'stop'],
    ],
    ['building', serverWith({}, { vmState: 'building', launchedAt: undefined }), []],
    ['that reboots', serverWith({}, { vmState: 'active', taskState: 'rebooting' }), ['pause', 'stop', 'suspend']],
    [
      'with a request under way',
      serverWith({}, { vmState: 'active', activeAction: { name: 'a', uid: 'a1' }, lastCompletedAction: 'a0' }),
      ['pause', 'stop', 'suspend'],
    ],
    ['that is locked', serverWith({ locked: true }, { vmState: 'active' }), []],
    [
      'that is being deleted',
      { ...active, metadata: { ...active.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
      [],
    ],
    ['without a status', { ...active, status: undefined } as unknown as Server, []],
  ]
  const results = enabledActions(states.map(([, server]) => server))
  it.each(states.map(([state, , expected], i) => [state, expected, i] as const))('%s', (_, expected, i) => {
    expect(results[i]).toEqual(expected)
  })
})

it('offers each action exactly when the controller admits the request or the power differs, in every state', () => {
  const servers = vmStates.flatMap((vmState) =>
    desiredPowers.flatMap((powerState) =>
      (['normal', 'rescued', 'resized', 'shelved'] as const).flatMap((mode) =>
        [
          {},
          { powerState: 'Suspended' },
          { launchedAt: undefined },
          { host: undefined },
          { taskState: 'rebooting' },
        ].map((more) => serverWith({ powerState }, { vmState, mode, ...more })),
      ),
    ),
  )
  const results = enabledActions(servers)
  const expected = servers.map((server) =>
    argoActions
      .filter(({ action, params, power, states }) => {
        const byPower = power !== undefined && power !== server.spec.powerState
        return (byPower && states[server.status?.vmState ?? '']) || admit(server, action, params).admit
      })
      .map(({ argoName }) => argoName)
      .toSorted((a, b) => a.localeCompare(b)),
  )
  expect(servers.length).toBeGreaterThan(500)
  expect(results).toEqual(expected)
})

describe('an action', () => {
  it.each([
    ['stop', 'Running', 'Stopped'],
    ['start', 'Stopped', 'Running'],
    ['pause', 'Running', 'Paused'],
    ['unpause', 'Paused', 'Running'],
    ['suspend', 'Running', 'Suspended'],
    ['resume', 'Suspended', 'Running'],
  ])('%s changes spec.powerState from %s to %s and nothing else', (name, from, to) => {
    const server = serverWith({ powerState: from, networks: [{ name: 'default' }] }, { vmState: 'active' })
    expect(runAction(name, server)).toEqual({ ...server, spec: { ...server.spec, powerState: to } })
  })

  it.each([
    ['reboot-soft', { action: 'reboot', reboot: { type: 'SOFT' } }],
    ['reboot-hard', { action: 'reboot', reboot: { type: 'HARD' } }],
    ['rescue', { action: 'rescue' }],
    ['unrescue', { action: 'unrescue' }],
    ['trigger-crash-dump', { action: 'trigger_crash_dump' }],
    ['start', { action: 'start' }],
  ])('%s creates a ServerAction', (name, spec) => {
    const resource = {
      apiVersion: 'compute.kubenova.io/v1alpha1',
      kind: 'ServerAction',
      metadata: { generateName: `web-1-${name}-`, namespace: 'default' },
      spec: { server: 'web-1', ...spec },
    }
    expect(runAction(name, active)).toEqual([{ operation: 'create', resource }])
  })

  it('start retries a server in error by a ServerAction, although its spec wants it stopped', () => {
    const server = serverWith({ powerState: 'Stopped' }, { vmState: 'error' })
    expect(runAction('start', server)).toMatchObject([{ resource: { spec: { action: 'start' } } }])
  })
})

it('every action that needs no input is offered', () => {
  expect(argoActions.map(({ argoName }) => argoName)).toEqual([
    'start',
    'stop',
    'pause',
    'unpause',
    'suspend',
    'resume',
    'reboot-soft',
    'reboot-hard',
    'rescue',
    'unrescue',
    'trigger-crash-dump',
  ])
})
