/**
 * What to do next with a server of this host: pure.
 * In this order: delete it, do the admitted deed, create it, end what a crash cut short, make its power as wished; else nothing.
 */
import type { Action } from '../../actions/action.ts'
import { type ActionName, actions } from '../../actions/index.ts'
import type { PowerWish, Server } from '../../crds/index.ts'
import type { DomainPower, Observed } from './observed.ts'

export interface Planned {
  action: ActionName
  params: Record<string, unknown>
  /** The same for the same request, also after a crash; see StepInput.mark. */
  mark: string
  /** The ServerAction that asked, if one did. */
  deed?: { name: string; uid: string; admittedAt: string; requestId?: string }
}

/** The next action, or undefined: everything is as wished. */
export function plan(server: Server, observed: Observed): Planned | undefined {
  const { metadata, status } = server
  if (metadata.deletionTimestamp) return { action: 'delete', params: {}, mark: `delete:${metadata.uid}` }
  if (!status?.instance) return undefined
  const deed = admittedDeed(server)
  if (deed) return deed
  // A fault stands until the wish changes or a deed is asked for: no loop of failures.
  if (status.vmState === 'error' && status.observedGeneration === metadata.generation) return undefined
  if (!status.launchedAt) return { action: 'create', params: {}, mark: `create:${metadata.uid}` }
  const wish = server.spec.powerState
  const action = cutShort(server, observed) ?? planPower(wish, observed, wish !== status.settledPowerState)
  return action && { action, params: {}, mark: `${action}:${metadata.uid}:${metadata.generation}` }
}

const wishes = Object.entries(actions).filter(([, { asked }]) => asked.wish !== undefined) as [ActionName, Action][]

/**
 * The action that was announced, and whose work is done, but which was not concluded: its process died in between. Doing it again changes
 * nothing, and leaves its record; what comes after it then has a name and a settled wish to start from.
 */
function cutShort({ status }: Server, { power }: Observed): ActionName | undefined {
  const task = status?.taskState
  if (task === undefined) return undefined
  const [name] =
    wishes.find(([, { task: of, asked }]) => of({}) === task && isMet(asked.wish ?? 'Running', power)) ?? []
  return name
}

function admittedDeed({ status }: Server): Planned | undefined {
  const asked = status?.action
  if (!asked || asked.uid === status.completedAction) return undefined
  const { name, uid, admittedAt, requestId } = asked
  return {
    action: asked.action as ActionName,
    params: asked.params ?? {},
    mark: uid,
    deed: { name, uid, admittedAt, ...(requestId === undefined ? {} : { requestId }) },
  }
}

/** For each wish and each power: what leads on. A cell that reads `changed` acts only when the wish is newer than the last settled one. */
type Cell = ActionName | undefined | { changed: ActionName } | { unlessByGuest: ActionName }

const recorded = (action: ActionName): Cell => ({ changed: action })
const restored = (action: ActionName): Cell => ({ unlessByGuest: action })

/**
 * As Nova does: what a guest does to itself (power off, sleep) is recorded, and so is a pause or a save behind our back. A domain that was
 * killed, crashed, or undefined is brought back: the wish lasts.
 */
const table: Record<PowerWish, Record<DomainPower, Cell>> = {
  Running: {
    running: undefined,
    paused: recorded('unpause'),
    saved: recorded('resume'),
    off: restored('start'),
    crashed: 'start',
    pmsuspended: undefined,
    missing: 'start',
  },
  Stopped: {
    running: 'stop',
    paused: 'stop',
    saved: 'stop',
    off: undefined,
    crashed: 'stop',
    pmsuspended: 'stop',
    missing: undefined,
  },
  Paused: {
    running: 'pause',
    paused: undefined,
    saved: recorded('resume'),
    off: restored('start'),
    crashed: 'start',
    pmsuspended: recorded('stop'),
    missing: 'start',
  },
  Suspended: {
    running: 'suspend',
    paused: 'suspend',
    saved: undefined,
    off: recorded('start'),
    crashed: 'start',
    pmsuspended: recorded('stop'),
    missing: recorded('start'),
  },
}

/** libvirt's reasons of "shut off" that mean: the guest did it itself, or an action of ours asked it to. */
const byGuest = new Set(['shutdown'])

/** The action that leads from what is to what is wished. */
export function planPower(wish: PowerWish, { power, reason }: Observed, changed: boolean): ActionName | undefined {
  const cell = table[wish][power]
  if (cell === undefined || typeof cell === 'string') return cell
  if ('changed' in cell) return changed ? cell.changed : undefined
  return changed || !byGuest.has(reason ?? '') ? cell.unlessByGuest : undefined
}

const met: Record<PowerWish, DomainPower> = { Running: 'running', Stopped: 'off', Paused: 'paused', Suspended: 'saved' }

/** Is the power what is wished? A server that shall be off needs no domain. */
export function isMet(wish: PowerWish, power: DomainPower): boolean {
  return met[wish] === power || (wish === 'Stopped' && power === 'missing')
}
