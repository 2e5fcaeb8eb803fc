/**
 * What to do next with a server of this host: pure.
 * In this order: delete it, do the admitted deed, create it, end what a crash cut short, make its power as wished; else nothing.
 */
import type { Action } from '../../actions/action.ts'
import { type ActionName, actions } from '../../actions/index.ts'
import type { DesiredPower, Server } from '../../crds/index.ts'
import type { DomainPower, Observed } from './observed.ts'

export interface Planned {
  action: ActionName
  params: Record<string, unknown>
  /** The same for the same request, also after a crash; see StepInput.mark. */
  mark: string
  /** Nobody asked: a server that was as wished is brought back to that. */
  restores?: true
  /** The ServerAction that asked, if one did. */
  deed?: { name: string; uid: string; admittedAt: string; requestId?: string }
}

/** The next action, or undefined: everything is as wished. */
export function plan(server: Server, observed: Observed): Planned | undefined {
  const { metadata, status } = server
  if (metadata.deletionTimestamp) return { action: 'delete', params: {}, mark: `delete:${metadata.uid}` }
  if (!status?.instance) return undefined
  const deed = admittedDeed(server)
  if (deed) return attempt(server, observed, deed)
  // A fault stands until the wish changes or a deed is asked for: no loop of failures.
  if (status.vmState === 'error' && status.observedGeneration === metadata.generation) return undefined
  if (!status.launchedAt) return { action: 'create', params: {}, mark: `create:${metadata.uid}` }
  const wish = server.spec.powerState
  const isNew = wish !== status.reachedPowerState
  const unfinished = cutShort(server, observed)
  const action = unfinished ?? planPower(wish, observed, isNew)
  if (!action) return undefined
  const mark = `${action}:${metadata.uid}:${metadata.generation}`
  return { action, params: {}, mark, ...(unfinished || isNew ? {} : { restores: true }) }
}

/** Something is asked of it that is not done yet, however its domain may be. */
export const isPending = (server: Server): boolean =>
  server.metadata.generation !== server.status?.observedGeneration ||
  plan(server, { power: met[server.spec.powerState] }) !== undefined

const wishes = Object.entries(actions).filter(([, { asked }]) => asked.wish !== undefined) as [ActionName, Action][]

/**
 * The action that was announced, and whose work is done, but which was not concluded: its process died in between. Doing it again changes
 * nothing, and leaves its record; what comes after it then has a name and a settled wish to start from.
 */
function cutShort({ status }: Server, { power }: Observed): ActionName | undefined {
  const task = status?.taskState
  if (task === undefined) return undefined
  // The guest may have been asked, and power off whatever is wished by now: as a stop that has ended it is followed by what is.
  if (task === 'powering-off') return 'stop'
  const [name] =
    wishes.find(([, { task: of, asked }]) => of({}) === task && isMet(asked.wish ?? 'Running', power)) ?? []
  return name
}

const boots = new Set<ActionName>(['start', 'reboot'])

/**
 * What a deed that boots comes to. Of a server whose creation never succeeded it is another try of it: what fails then leaves nothing, either. Of
 * one that shall be off, paused or suspended a start is another try of that.
 */
function attempt({ status, spec: { powerState: wish } }: Server, observed: Observed, deed: Planned): Planned {
  if (!boots.has(deed.action)) return deed
  if (status?.launchedAt === undefined) return { ...deed, action: 'create', params: {} }
  if (deed.action !== 'start') return deed
  // Announced before a crash: it is gone on with, for a guest that was asked to power off may do so whatever is wished by now.
  const [begun] = wishes.find(([, { task }]) => task({}) === status.taskState) ?? []
  if (begun !== undefined || wish === 'Running') return { ...deed, action: begun ?? 'start' }
  // As it shall be already: doing it again changes nothing, and ends the deed.
  return { ...deed, action: planPower(wish, observed, true) ?? again[wish] }
}

const again = { Stopped: 'stop', Paused: 'pause', Suspended: 'suspend' } as const

function admittedDeed({ status }: Server): Planned | undefined {
  const asked = status?.activeAction
  if (!asked || asked.uid === status.lastCompletedAction) return undefined
  const { name, uid, admittedAt, requestId } = asked
  return {
    action: asked.action as ActionName,
    params: asked.params ?? {},
    mark: uid,
    deed: { name, uid, admittedAt, ...(requestId === undefined ? {} : { requestId }) },
  }
}

/**
 * libvirt forgets, when it is started again, why a domain is off. What was seen of it before stands then: a guest that powered itself off stays
 * off, and one whose memory is in somebody's file is not started beside it.
 */
export function remembered(observed: Observed, { status }: Server): Observed {
  const forgot = observed.power === 'off' && observed.reason === 'unknown' && status?.powerState === 'Shutdown'
  const reason = forgot ? status.domain?.reason : undefined
  return reason === undefined ? observed : { ...observed, reason }
}

/** For each wish and each power: what leads on. A cell that reads `changed` acts only when the wish is newer than the last settled one. */
type Cell = ActionName | undefined | { changed: ActionName } | { unlessMeant: ActionName }

const recorded = (action: ActionName): Cell => ({ changed: action })
const restored = (action: ActionName): Cell => ({ unlessMeant: action })

/**
 * As Nova does: what a guest does to itself (power off, sleep) is recorded, and so is what somebody meant to do on the host (pause, save,
 * migrate). A domain that was killed, crashed, or undefined is brought back: the wish lasts.
 */
const table: Record<DesiredPower, Record<DomainPower, Cell>> = {
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

/** Shut off, and the guest did it itself, or an action of ours or of virsh asked it to: libvirt does not tell these apart. */
export const isByGuest = ({ power, reason }: Observed): boolean => power === 'off' && reason === 'shutdown'

/**
 * libvirt's reasons of "shut off" that somebody meant. Its memory is in a file, or it runs on another host: to start it here would be to
 * run it twice on one disk.
 */
const meant = new Set(['shutdown', 'saved', 'migrated', 'from snapshot'])

/** The action that leads from what is to what is wished. */
export function planPower(wish: DesiredPower, { power, reason }: Observed, changed: boolean): ActionName | undefined {
  const cell = table[wish][power]
  if (cell === undefined || typeof cell === 'string') return cell
  if ('changed' in cell) return changed ? cell.changed : undefined
  return changed || !meant.has(reason ?? '') ? cell.unlessMeant : undefined
}

const met: Record<DesiredPower, DomainPower> = {
  Running: 'running',
  Stopped: 'off',
  Paused: 'paused',
  Suspended: 'saved',
}

/** Is the power what is wished? A server that shall be off needs no domain. */
export function isMet(wish: DesiredPower, power: DomainPower): boolean {
  return met[wish] === power || (wish === 'Stopped' && power === 'missing')
}
