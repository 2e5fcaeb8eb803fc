import { describe, expect, it } from 'vitest'
import { type Server, type ServerStatus, taskStates, type VmState, vmStates } from '../crds/index.ts'
import { admit, runningRequestOf } from './admit.ts'
import { type ActionName, actions, isRequestable } from './index.ts'
import { guestOf } from './testing.ts'

interface Given {
  status?: Partial<ServerStatus>
  spec?: Partial<Server['spec']>
  deleting?: boolean
}

function server({ status, spec, deleting }: Given = {}): Server {
  const { server: base } = guestOf(spec)
  return {
    ...base,
    metadata: { ...base.metadata, ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    status: { ...base.status, vmState: 'active', launchedAt: '2026-01-01T00:00:00Z', ...status },
  }
}

/**
 * The state table of nova/compute/api.py, with one column for each of Nova's requests that Kubenova has. 'yes': Nova
 * and Kubenova allow the request. 'more': only Kubenova does. 'less': only Nova does. '.': neither does.
 *
 * Start from error is 'more' because in Kubenova a start retries the operation that failed. In Nova the user needs a
 * hard reboot or reset-state.
 *
 * Stop from paused and suspended is 'more' because the agent follows spec.powerState in every state. In Nova the user
 * has to unpause or resume the server first.
 */
const stateTable = `
  vm_state           start  stop  reboot_SOFT  reboot_HARD  pause  unpause  suspend  resume  delete  trigger_crash_dump  changePassword  rescue  unrescue
  building           .      .     .            .            .      .        .        .       yes     .                   .               .       .
  active             .      yes   yes          yes          yes    .        yes      .       yes     yes                 yes             yes     .
  paused             .      more  .            yes          .      yes      .        .       yes     yes                 .               .       .
  suspended          .      more  .            yes          .      .        .        yes     yes     .                   .               .       .
  stopped            yes    .     .            yes          .      .        .        .       yes     .                   .               yes     .
  rescued            .      .     .            .            .      .        .        .       yes     yes                 .               .       yes
  resized            .      .     .            .            .      .        .        .       yes     yes                 .               .       .
  soft-delete        .      .     .            .            .      .        .        .       yes     .                   .               .       .
  deleted            .      .     .            .            .      .        .        .       yes     .                   .               .       .
  error              more   yes   .            yes          .      .        .        .       yes     yes                 .               yes     .
  shelved            .      .     .            .            .      .        .        .       yes     .                   .               .       .
  shelved_offloaded  .      .     .            .            .      .        .        .       yes     .                   .               .       .
`

interface Row {
  request: string
  name: ActionName
  params: Record<string, unknown>
  vmState: VmState
  allowed: boolean
}

function paramsOf(name: string, type: string | undefined): Record<string, unknown> {
  if (name === 'changePassword') return { passwordSecret: { name: 'web-password' } }
  return type === undefined ? {} : { type }
}

const [head = [], ...lines] = stateTable
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/))

const rows: Row[] = lines.flatMap(([vmState, ...cells]) =>
  cells.map((cell, i) => {
    const request = head[i + 1] ?? ''
    const [, name = request, type] = /^(.+)_(SOFT|HARD)$/.exec(request) ?? []
    return {
      request,
      name: name as ActionName,
      params: paramsOf(name, type),
      vmState: vmState as VmState,
      allowed: cell === 'yes' || cell === 'more',
    }
  }),
)
const requestable = rows.filter(({ name }) => isRequestable(name))
const fromSpec = rows.filter(({ name }) => !isRequestable(name))

describe('the state table', () => {
  it('has a row for each of Nova’s vm_states', () => {
    expect(lines.map(([vmState]) => vmState)).toEqual([...vmStates])
  })

  it('has a column for each action but create, which is no request of Nova’s', () => {
    const columns = new Set(rows.map(({ name }) => name))
    expect(Object.keys(actions).filter((name) => !columns.has(name as ActionName))).toEqual(['create'])
  })

  it.each(requestable)('admit answers for $request in $vmState: $allowed', ({ name, params, vmState, allowed }) => {
    const mode = vmState === 'rescued' ? 'rescued' : 'normal'
    const verdict = admit(server({ status: { vmState, mode } }), name, params)
    expect(verdict).toMatchObject(allowed ? { admit: true } : { admit: false, reason: 'InvalidState' })
  })

  it.each(fromSpec)(
    '$request, which follows the spec, declares for $vmState: $allowed',
    ({ name, vmState, allowed }) => {
      expect(actions[name].from.includes(vmState)).toBe(allowed)
    },
  )

  /**
   * Nova allows a hard reboot in some task_states (rebooting, pausing, …). Kubenova runs only one action on a server at
   * a time, so it rejects every request.
   */
  it.each(taskStates)('admit rejects every request in task_state %s', (taskState) => {
    for (const { name, params, vmState } of requestable)
      expect(admit(server({ status: { vmState, taskState } }), name, params), `${name} in ${vmState}`).toMatchObject({
        admit: false,
        reason: 'InvalidState',
      })
  })
})

const running = { activeAction: { name: 'other', uid: 'u1', action: 'reboot', admittedAt: '2026-01-01T00:00:00Z' } }
const ended = { ...running, lastCompletedAction: 'u1' }

/** If several apply, the rejection gives the first in Nova's order. */
const obstacles: [string, Given, string][] = [
  ['it is being deleted', { deleting: true }, 'ServerTerminating'],
  ['another request runs', { status: running }, 'ActionUnderWay'],
  ['it is locked', { spec: { locked: true } }, 'ServerLocked'],
  [
    'it is being deleted and locked, and another request runs',
    { deleting: true, spec: { locked: true }, status: { ...running, taskState: 'rebooting' } },
    'ServerTerminating',
  ],
  [
    'it is locked and another request runs',
    { spec: { locked: true }, status: { ...running, taskState: 'rebooting' } },
    'ActionUnderWay',
  ],
  ['it is locked and has a task', { spec: { locked: true }, status: { taskState: 'rebooting' } }, 'ServerLocked'],
]

describe('while the guest sleeps', () => {
  const asleep = (given: Given = {}) => server({ ...given, status: { ...given.status, powerState: 'Suspended' } })

  it('admit accepts start, which wakes the guest, and a soft reboot, which wakes it first', () => {
    expect(admit(asleep(), 'start', {})).toEqual({ admit: true })
    expect(admit(asleep({ status: { vmState: 'rescued', mode: 'rescued' } }), 'start', {})).toEqual({ admit: true })
    expect(admit(asleep(), 'reboot', { type: 'SOFT' })).toEqual({ admit: true })
  })

  it('admit rejects start when the spec wants the server off, paused or suspended', () => {
    expect(admit(asleep({ spec: { powerState: 'Paused' } }), 'start', {})).toMatchObject({
      admit: false,
      reason: 'ConflictsWithPowerState',
    })
  })
})

describe('in mode rescued', () => {
  const rescued = (vmState: VmState) =>
    server({ status: { vmState, mode: 'rescued' }, spec: { powerState: 'Stopped' } })

  it.each(['rescued', 'error'] as const)('admit accepts unrescue in %s', (vmState) => {
    expect(admit(rescued(vmState), 'unrescue', {})).toEqual({ admit: true })
  })

  it('admit rejects another rescue in error, which would replace the disk of the rescue system', () => {
    expect(admit(rescued('error'), 'rescue', {})).toMatchObject({
      admit: false,
      message: 'cannot rescue while the server is in mode rescued: only in mode normal',
    })
  })

  it('admit accepts a hard reboot in error whatever spec.powerState is, because the rescue system is to run', () => {
    expect(admit(rescued('error'), 'reboot', { type: 'HARD' })).toEqual({ admit: true })
  })
})

it.each(['trigger_crash_dump', 'rescue'])('admit rejects %s of a server in error that was never built', (name) => {
  const { launchedAt: _, ...status } = server({ status: { vmState: 'error' } }).status ?? {}
  expect(admit({ ...server(), status }, name, {})).toMatchObject({
    admit: false,
    reason: 'InvalidState',
    message: `cannot ${name} a server that was never built: create a ServerAction with action: start`,
  })
  expect(admit({ ...server(), status }, 'start', {})).toEqual({ admit: true })
})

describe.each(requestable)('$request in $vmState', ({ name, params, vmState, allowed }) => {
  it.each(obstacles)('is rejected when %s', (_, given, reason) => {
    const verdict = admit(server({ ...given, status: { ...given.status, vmState } }), name, params)
    expect(verdict).toMatchObject({ admit: false, reason })
  })

  it('is decided by its state when the request before has ended', () => {
    const mode = vmState === 'rescued' ? 'rescued' : 'normal'
    expect(admit(server({ status: { ...ended, vmState, mode } }), name, params).admit).toBe(allowed)
  })
})

describe.each([
  ['start', {}, 'stopped, error'],
  ['reboot', { type: 'HARD' }, 'active, stopped, paused, suspended, error'],
] as const)('%s', (name, params, from) => {
  it('is rejected when the server has no host yet', () => {
    const { status: _, ...fresh } = server()
    expect(admit(fresh, name, params)).toMatchObject({ admit: false, reason: 'NotScheduled' })
  })

  it('says of each rejection what is in the way', () => {
    const locked = admit(server({ spec: { locked: true } }), name, params)
    expect(locked).toMatchObject({ message: expect.stringContaining('set spec.locked to false') })
    const stopped = server({ spec: { locked: true }, status: { vmState: 'stopped' } })
    expect(admit(stopped, name, params, { ignoreLock: true })).toEqual({ admit: true })
    const busy = admit(server({ status: { vmState: 'stopped', taskState: 'pausing' } }), name, params)
    expect(busy).toMatchObject({ message: `cannot ${name} while the server is in task_state pausing` })
    const wrong = admit(server({ status: { vmState: 'rescued' } }), name, params)
    expect(wrong).toMatchObject({
      message: `cannot ${name} while the server is in vm_state rescued: only from ${from}`,
    })
  })
})

describe('a server without a host, because no host could build it', () => {
  it.each([
    ['start', {}, { admit: true }],
    ['reboot', { type: 'HARD' }, { admit: false, reason: 'NotScheduled' }],
  ] as const)('%s: only start is admitted, to try again', (name, params, verdict) => {
    const { host: _, ...status } = server({ status: { vmState: 'error' } }).status ?? {}
    expect(admit({ ...server(), status }, name, params)).toMatchObject(verdict)
  })
})

describe('a request that can never be admitted', () => {
  const names = ['create', 'delete', 'stop', 'pause', 'unpause', 'suspend', 'resume', 'resize', 'toString', '']
  it.each(names)('is rejected when the action is %j', (name) => {
    expect(admit(server(), name, {})).toMatchObject({ admit: false, reason: 'NotRequestable' })
    expect(isRequestable(name)).toBe(false)
  })

  it.each([
    ['reboot', undefined],
    ['reboot', {}],
    ['reboot', { type: 'soft' }],
    ['start', 'now'],
    ['start', []],
    ['changePassword', {}],
    ['changePassword', { passwordSecret: { name: '' } }],
    ['changePassword', { passwordSecret: 'web-password' }],
  ])('is rejected when %s has the parameters %j', (name, params) => {
    expect(admit(server({ status: { vmState: 'stopped' } }), name, params)).toMatchObject({
      admit: false,
      reason: 'InvalidParameters',
    })
  })
})

describe('a request to boot a server', () => {
  const others = ['Stopped', 'Paused', 'Suspended'] as const
  it.each(others)('is rejected when spec.powerState is %s', (powerState) => {
    const stopped = server({ spec: { powerState }, status: { vmState: 'stopped' } })
    expect(admit(stopped, 'start', {})).toMatchObject({ admit: false, reason: 'ConflictsWithPowerState' })
    expect(admit(stopped, 'reboot', { type: 'HARD' })).toMatchObject({
      admit: false,
      reason: 'ConflictsWithPowerState',
    })
  })

  it.each(others)('is admitted as a retry when it is start in error, although spec.powerState is %s', (powerState) => {
    const failed = server({ spec: { powerState }, status: { vmState: 'error' } })
    const { host: _, ...status } = failed.status ?? {}
    for (const one of [failed, { ...failed, status }]) expect(admit(one, 'start', {})).toEqual({ admit: true })
    expect(admit(failed, 'reboot', { type: 'HARD' })).toMatchObject({ admit: false, reason: 'ConflictsWithPowerState' })
  })
})

describe('runningRequestOf', () => {
  it('answers the request that has not ended', () => {
    expect(runningRequestOf(server())).toBeUndefined()
    expect(runningRequestOf(server({ status: running }))).toBe('other')
    expect(runningRequestOf(server({ status: { ...running, lastCompletedAction: 'u0' } }))).toBe('other')
    expect(runningRequestOf(server({ status: ended }))).toBeUndefined()
  })
})
