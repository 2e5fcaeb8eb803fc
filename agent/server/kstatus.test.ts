/** What tools that know nothing of us take a server for: kstatus (Flux, Argo CD, cli-utils), over all that its status can say. */
import { describe, expect, it } from 'vitest'
import { guestOf } from '../../actions/testing.ts'
import { condition, type Server, type ServerStatus } from '../../crds/index.ts'
import { placedStatus, reachabilityStatus, waitingStatus, withoutHost } from '../../test/fakes/controller.ts'
import type { Observed } from './observed.ts'
import type { Planned } from './plan.ts'
import { agentStatus, type Failure, type View } from './status.ts'

const then = '2026-01-01T00:00:00Z'
const now = '2026-01-02T00:00:00Z'

/** Its rules for a kind that it does not know, in its order. */
function kstatus({ metadata, status = {} }: Server): 'Terminating' | 'InProgress' | 'Failed' | 'Current' {
  const isTrue = (type: string): boolean => condition(status.conditions, type)?.status === 'True'
  if (metadata.deletionTimestamp) return 'Terminating'
  if (status.observedGeneration !== metadata.generation) return 'InProgress'
  if (isTrue('Reconciling')) return 'InProgress'
  if (isTrue('Stalled')) return 'Failed'
  return isTrue('Ready') ? 'Current' : 'InProgress'
}

type Step = (server: Server) => ServerStatus
type Wish = Server['spec']['powerState']

const GENERATION = 3
const { instance } = guestOf()

const waits = (error: boolean): Step => {
  const reason = error ? 'NoValidHost' : 'FlavorNotFound'
  return (server) => waitingStatus(server, { reason, message: 'none', error }, now)
}
const placed: Step = (server) => placedStatus(server, { host: 'h1', alternates: [], instance }, now)
const hostDown: Step = (server) => reachabilityStatus(server, false, 'no heartbeat', now)

/** The agent's word, onto what the controller has said. */
const says =
  (observed: Observed, more: Partial<View> = {}): Step =>
  (server) => {
    const view = { server, observed, now, place: { domain: 'd', consoleLog: '/c.log' }, records: 1, ...more }
    return onto(server.status, agentStatus(view))
  }

function onto(old: ServerStatus = {}, said: ServerStatus): ServerStatus {
  const { taskState: _, fault: __, hostRejection: ___, ...kept } = old
  const theirs = old.conditions?.filter(({ type }) => ['Scheduled', 'HostReachable'].includes(type)) ?? []
  return { ...kept, ...said, conditions: [...theirs, ...(said.conditions ?? [])] }
}

const planned = (action: Planned['action']): Planned => ({ action, params: {}, id: 'm' })
const passing: Failure = { code: 'LibvirtError', message: 'libvirt is busy', final: false }
const final: Failure = { ...passing, final: true }
const running: Observed = { power: 'running', reason: 'booted' }
const off: Observed = { power: 'off', reason: 'shutdown' }
const missing: Observed = { power: 'missing' }

function after(steps: readonly Step[], wish: Wish = 'Running', metadata: object = {}): Server {
  const { server: base } = guestOf({ powerState: wish })
  const { status: _, ...fresh } = base
  const first: Server = { ...fresh, metadata: { ...base.metadata, generation: GENERATION } }
  const last = steps.reduce<Server>((server, step) => ({ ...server, status: step(server) }), first)
  return { ...last, metadata: { ...last.metadata, ...metadata } }
}

const launched: Step = (server) => ({ ...placed(server), launchedAt: then, reachedPowerState: 'Running' })
const newer = { generation: GENERATION + 1 }

describe('a server for kstatus', () => {
  const rows: [string, ReturnType<typeof kstatus>, Step[], Wish?, object?][] = [
    ['that nobody has looked at', 'InProgress', []],
    ['that waits for its flavor', 'InProgress', [waits(false)]],
    ['that no host can take', 'Failed', [waits(true)]],
    ['that no host could take, with a newer spec', 'InProgress', [waits(true)], 'Running', newer],
    ['that no host could take, and that has one now', 'InProgress', [waits(true), placed]],
    ['that is placed', 'InProgress', [placed]],
    ['that is made', 'InProgress', [placed, says(missing, { running: planned('create') })]],
    ['whose host refused it', 'InProgress', [placed, says(missing, { failure: final }), withoutHost]],
    ['that runs, as asked', 'Current', [placed, says(running, { finished: planned('create') })]],
    ['that is off, as asked', 'Current', [launched, says(off)], 'Stopped'],
    [
      'that is off, as asked from the first',
      'Current',
      [placed, says(off, { finished: planned('create') })],
      'Stopped',
    ],
    ['that is off, as asked, and has no domain', 'Current', [launched, says(missing)], 'Stopped'],
    ['that is paused, as asked', 'Current', [launched, says({ power: 'paused' })], 'Paused'],
    ['that is suspended, as asked', 'Current', [launched, says({ power: 'saved' })], 'Suspended'],
    ['that was off, as asked, with a newer spec', 'InProgress', [launched, says(off)], 'Stopped', newer],
    ['that is stopped', 'InProgress', [launched, says(running, { running: planned('stop') })], 'Stopped'],
    ['that is rebooted', 'InProgress', [launched, says(running, { running: planned('reboot') })]],
    [
      'whose stop is tried again',
      'InProgress',
      [launched, says(running, { running: planned('stop'), failure: passing })],
    ],
    ['that failed', 'Failed', [launched, says(off, { failure: final })]],
    ['that was never made', 'Failed', [placed, says(missing, { failure: final })]],
    ['that was never made, and shall be off', 'Failed', [placed, says(missing, { failure: final })], 'Stopped'],
    [
      'that failed, and is started',
      'InProgress',
      [launched, says(off, { failure: final }), says(off, { running: planned('start') })],
    ],
    ['that failed, and runs again', 'Current', [launched, says(off, { failure: final }), says(running)]],
    ['whose guest powered itself off', 'InProgress', [launched, says(off)]],
    ['that was paused on its host', 'InProgress', [launched, says({ power: 'paused', reason: 'user' })]],
    ['whose host is down', 'InProgress', [launched, says(running), hostDown]],
    ['that is off, as asked, and whose host is down', 'InProgress', [launched, says(off), hostDown], 'Stopped'],
    ['that goes', 'Terminating', [launched, says(running)], 'Running', { deletionTimestamp: then }],
  ]
  it.each(rows)('%s is %s', (_, wanted, steps, wish, metadata) => {
    const server = after(steps, wish, metadata)
    expect(kstatus(server), JSON.stringify(server.status?.conditions)).toBe(wanted)
  })

  it.each(rows)('%s is not at once under way and stuck; what is false is not said', (_, __, steps, wish) => {
    const { conditions = [] } = after(steps, wish).status ?? {}
    const kinds = conditions.filter(({ type }) => type === 'Reconciling' || type === 'Stalled')
    expect(kinds.length).toBeLessThan(2)
    for (const { status } of kinds) expect(status).toBe('True')
  })
})
