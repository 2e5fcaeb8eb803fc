import { describe, expect, it } from 'vitest'
import { type Server, type ServerStatus, vmStates } from '../crds/index.ts'
import { actionUnderWay, admit } from './admit.ts'
import { actions, isDeed } from './index.ts'
import { guestOf } from './testing.ts'

interface Words {
  status?: Partial<ServerStatus>
  spec?: Partial<Server['spec']>
  deleting?: boolean
}

function server({ status, spec, deleting }: Words = {}): Server {
  const { server: base } = guestOf(spec)
  return {
    ...base,
    metadata: { ...base.metadata, ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    status: { ...base.status, vmState: 'active', ...status },
  }
}

const deeds = Object.values(actions).filter(({ asked }) => asked.deed)
const paramsOf: Record<string, object> = { reboot: { type: 'HARD' } }
const underWay = { activeAction: { name: 'other', uid: 'u1', action: 'reboot', admittedAt: '2026-01-01T00:00:00Z' } }
const ended = { ...underWay, lastCompletedAction: 'u1' }

/** What stands in the way, whatever the state; in the order in which it is said. */
const obstacles: [string, Words, string | undefined][] = [
  ['nothing', {}, undefined],
  ['its deletion', { deleting: true }, 'ServerDeleting'],
  ['a deed under way', { status: underWay }, 'ActionUnderWay'],
  ['a deed that has ended', { status: ended }, undefined],
  ['a lock', { spec: { locked: true } }, 'ServerLocked'],
  ['a task', { status: { taskState: 'powering-off' } }, 'InvalidState'],
  [
    'deletion, deed, lock and task',
    { deleting: true, spec: { locked: true }, status: { ...underWay, taskState: 'rebooting' } },
    'ServerDeleting',
  ],
  [
    'deed, lock and task',
    { spec: { locked: true }, status: { ...underWay, taskState: 'rebooting' } },
    'ActionUnderWay',
  ],
  ['lock and task', { spec: { locked: true }, status: { taskState: 'rebooting' } }, 'ServerLocked'],
]

describe.each(deeds.map(({ name }) => name))('%s', (name) => {
  const { from } = actions[name as keyof typeof actions]
  const rows = vmStates.flatMap((vmState) =>
    obstacles.map(([what, words, reason]) => ({ vmState, what, words, reason })),
  )

  it.each(rows)('in $vmState with $what', ({ vmState, words, reason }) => {
    const verdict = admit(server({ ...words, status: { ...words.status, vmState } }), name, paramsOf[name])
    const wanted = reason ?? (from.includes(vmState) ? undefined : 'InvalidState')
    expect(verdict).toMatchObject(wanted === undefined ? { admit: true } : { admit: false, reason: wanted })
  })

  it('has no host yet, or was never looked at', () => {
    const { status: _, ...fresh } = server()
    expect(admit(fresh, name, paramsOf[name])).toMatchObject({ admit: false, reason: 'NoHost' })
  })

  it('has no host, for none could build it: only to start it is to try again', () => {
    const { host: _, ...status } = server({ status: { vmState: 'error' } }).status ?? {}
    const verdict = admit({ ...server(), status }, name, paramsOf[name])
    expect(verdict).toMatchObject(name === 'start' ? { admit: true } : { admit: false, reason: 'NoHost' })
  })

  it('says of each refusal what is in the way', () => {
    const locked = admit(server({ spec: { locked: true } }), name, paramsOf[name])
    expect(locked).toMatchObject({ message: expect.stringContaining('set spec.locked to false') })
    const busy = admit(server({ status: { vmState: from[0]!, taskState: 'pausing' } }), name, paramsOf[name])
    expect(busy).toMatchObject({ message: `cannot ${name} while the server is in task_state pausing` })
    const wrong = admit(server({ status: { vmState: 'rescued' } }), name, paramsOf[name])
    expect(wrong).toMatchObject({
      message: `cannot ${name} while the server is in vm_state rescued: only from ${from.join(', ')}`,
    })
  })
})

describe('what may not be asked', () => {
  const names = ['create', 'delete', 'stop', 'pause', 'unpause', 'suspend', 'resume', 'resize', 'toString', '']
  it.each(names)('%j is no deed', (name) => {
    expect(admit(server(), name, {})).toMatchObject({ admit: false, reason: 'NotRequestable' })
    expect(isDeed(name)).toBe(false)
  })

  it.each([
    ['reboot', undefined],
    ['reboot', {}],
    ['reboot', { type: 'soft' }],
    ['start', 'now'],
    ['start', []],
  ])('%s with %j', (name, params) => {
    expect(admit(server({ status: { vmState: 'stopped' } }), name, params)).toMatchObject({
      admit: false,
      reason: 'InvalidParameters',
    })
  })

  const wishes = ['Stopped', 'Paused', 'Suspended'] as const
  it.each(wishes)('start or reboot, where the wish is %s', (powerState) => {
    const stopped = server({ spec: { powerState }, status: { vmState: 'stopped' } })
    expect(admit(stopped, 'start', {})).toMatchObject({ admit: false, reason: 'ConflictsWithPowerState' })
    expect(admit(stopped, 'reboot', { type: 'HARD' })).toMatchObject({
      admit: false,
      reason: 'ConflictsWithPowerState',
    })
  })

  it.each(wishes)('but a start in error is another try, also where the wish is %s', (powerState) => {
    const failed = server({ spec: { powerState }, status: { vmState: 'error' } })
    const { host: _, ...status } = failed.status ?? {}
    for (const one of [failed, { ...failed, status }]) expect(admit(one, 'start', {})).toEqual({ admit: true })
    expect(admit(failed, 'reboot', { type: 'HARD' })).toMatchObject({ admit: false, reason: 'ConflictsWithPowerState' })
  })
})

it('the deed under way is the one that has not ended', () => {
  expect(actionUnderWay(server())).toBeUndefined()
  expect(actionUnderWay(server({ status: underWay }))).toBe('other')
  expect(actionUnderWay(server({ status: { ...underWay, lastCompletedAction: 'u0' } }))).toBe('other')
  expect(actionUnderWay(server({ status: ended }))).toBeUndefined()
})
