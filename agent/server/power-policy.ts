/**
 * The power policy decides which action follows when a domain's power is not the desired one. Pure; see docs/adr/0004.
 *
 * If the guest or a person on the host changed the power on purpose (power off, pause, save, migrate), the agent only
 * reports it, as in Nova. A domain that was killed, has crashed or was undefined is started again.
 */
import { type ActionName, actionNames, actions } from '../../actions/index.ts'
import { modeOf } from '../../actions/mode.ts'
import type { DesiredPower, DomainPower, Server } from '../../crds/index.ts'
import type { Observed } from './observed.ts'

/**
 * Whether spec.powerState differs from the desired power that the server reached last. Always false in a mode that does
 * not follow spec.powerState.
 */
export const isPowerChanged = (server: Server): boolean =>
  modeOf(server) === 'normal' && server.spec.powerState !== server.status?.reachedPowerState

/**
 * A cell of the table below. An action alone always runs. With `ifChanged`, it runs only if the user has changed the
 * desired power. With `unlessIntended`, it also runs if nobody turned the domain off on purpose.
 */
type TableCell = ActionName | undefined | { ifChanged: ActionName } | { unlessIntended: ActionName }

const ifChanged = (action: ActionName): TableCell => ({ ifChanged: action })
const unlessIntended = (action: ActionName): TableCell => ({ unlessIntended: action })

const table: Record<DesiredPower, Record<DomainPower, TableCell>> = {
  Running: {
    running: undefined,
    paused: ifChanged('unpause'),
    saved: ifChanged('resume'),
    off: unlessIntended('start'),
    crashed: 'start',
    pmsuspended: ifChanged('unpause'),
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
    saved: ifChanged('resume'),
    off: unlessIntended('start'),
    crashed: 'start',
    pmsuspended: ifChanged('unpause'),
    missing: 'start',
  },
  Suspended: {
    running: 'suspend',
    paused: 'suspend',
    saved: undefined,
    off: ifChanged('start'),
    crashed: 'start',
    pmsuspended: ifChanged('unpause'),
    missing: ifChanged('start'),
  },
}

/**
 * libvirt's reasons for "shut off" that the guest or a person intended. After "saved" or "migrated", starting the
 * domain here could run the guest twice on one disk.
 */
const intendedReasons = new Set(['shutdown', 'saved', 'migrated', 'from snapshot'])

/**
 * The action that leads from the observed power towards the desired one; undefined if no action is needed or allowed.
 * @param isChanged whether the user has changed the desired power since the server last reached a desired power
 */
export function actionForPower(
  desired: DesiredPower,
  { power, reason }: Observed,
  isChanged: boolean,
): ActionName | undefined {
  const cell = table[desired][power]
  if (cell === undefined || typeof cell === 'string') return cell
  if ('ifChanged' in cell) return isChanged ? cell.ifChanged : undefined
  return isChanged || !intendedReasons.has(reason ?? '') ? cell.unlessIntended : undefined
}

/** The actions that implement spec.powerState. */
export const powerActions: readonly ActionName[] = actionNames.filter(
  (name) => actions[name].desiredPower !== undefined,
)

export function actionReaching(desired: DesiredPower): ActionName {
  const found = powerActions.find((name) => actions[name].desiredPower === desired)
  if (found === undefined) throw new Error(`no action is for powerState ${desired}`)
  return found
}

export const powerWhenReached: Record<DesiredPower, DomainPower> = {
  Running: 'running',
  Stopped: 'off',
  Paused: 'paused',
  Suspended: 'saved',
}

/** A server that should be off needs no domain. */
export const isReached = (desired: DesiredPower, power: DomainPower): boolean =>
  powerWhenReached[desired] === power || (desired === 'Stopped' && power === 'missing')

/** Whether the guest has shut itself off, on its own or on a request: libvirt gives one reason for both. */
export const isOffByGuest = ({ power, reason }: Observed): boolean => power === 'off' && reason === 'shutdown'
