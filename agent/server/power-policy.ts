/**
 * The power policy: which action follows when a domain's power is not the one that the server should have. Pure;
 * docs/adr/0004.
 *
 * As Nova does: what a guest does to itself (power off, sleep) is recorded, and so is what a person did on purpose on
 * the host (pause, save, migrate). A domain that was killed, crashed or undefined is brought back, because what is
 * desired lasts.
 */
import { type ActionName, actionNames, actions } from '../../actions/index.ts'
import type { DesiredPower, DomainPower, Mode, Server } from '../../crds/index.ts'
import type { Observed } from './observed.ts'

export const modeOf = ({ status }: Server): Mode => status?.mode ?? 'normal'

/**
 * The power that each mode aims at. Only a normal server follows spec.powerState at once: in the other modes a changed
 * spec.powerState waits until the mode has ended.
 * - rescued: the rescue system should run, whatever is desired of the server itself.
 * - resized: as before the resize, so that confirm and revert find what they left.
 * - shelved, softDeleted: kept off. shelvedOffloaded: there is no domain, which counts as off.
 */
const targetPowers: Record<Mode, (server: Server) => DesiredPower> = {
  normal: ({ spec }) => spec.powerState,
  rescued: () => 'Running',
  resized: ({ spec, status }) => status?.reachedPowerState ?? spec.powerState,
  shelved: () => 'Stopped',
  shelvedOffloaded: () => 'Stopped',
  softDeleted: () => 'Stopped',
}

/** The power that the agent works towards. */
export const targetPowerOf = (server: Server): DesiredPower => targetPowers[modeOf(server)](server)

/**
 * Has the user asked for another power since one was last reached? In a mode that does not follow spec.powerState: no.
 */
export const isPowerChanged = (server: Server): boolean =>
  modeOf(server) === 'normal' && server.spec.powerState !== server.status?.reachedPowerState

/**
 * An action; or one that runs only after a change of the desired power; or one that runs unless somebody turned the
 * domain off on purpose.
 */
type TableCell = ActionName | undefined | { ifChanged: ActionName } | { unlessIntended: ActionName }

const ifChanged = (action: ActionName): TableCell => ({ ifChanged: action })
const unlessIntended = (action: ActionName): TableCell => ({ unlessIntended: action })

/** For each desired power and each power of the domain: the action that leads on. */
const table: Record<DesiredPower, Record<DomainPower, TableCell>> = {
  Running: {
    running: undefined,
    paused: ifChanged('unpause'),
    saved: ifChanged('resume'),
    off: unlessIntended('start'),
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
    saved: ifChanged('resume'),
    off: unlessIntended('start'),
    crashed: 'start',
    pmsuspended: ifChanged('stop'),
    missing: 'start',
  },
  Suspended: {
    running: 'suspend',
    paused: 'suspend',
    saved: undefined,
    off: ifChanged('start'),
    crashed: 'start',
    pmsuspended: ifChanged('stop'),
    missing: ifChanged('start'),
  },
}

/**
 * libvirt's reasons of "shut off" that somebody intended. The memory is in a file, or the guest runs on another host:
 * to start the domain here would be to run the guest twice on one disk.
 */
const intendedReasons = new Set(['shutdown', 'saved', 'migrated', 'from snapshot'])

/** The action that leads from the observed power towards the desired one; undefined: none does, or none may. */
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

/** The actions behind spec.powerState. */
export const powerActions: readonly ActionName[] = actionNames.filter(
  (name) => actions[name].desiredPower !== undefined,
)

/** The action that is for this power. */
export function actionReaching(desired: DesiredPower): ActionName {
  const found = powerActions.find((name) => actions[name].desiredPower === desired)
  if (found === undefined) throw new Error(`no action is for powerState ${desired}`)
  return found
}

/** The power of a domain that is as desired. */
export const powerWhenReached: Record<DesiredPower, DomainPower> = {
  Running: 'running',
  Stopped: 'off',
  Paused: 'paused',
  Suspended: 'saved',
}

/** Is the domain's power the desired one? A server that should be off needs no domain. */
export const isReached = (desired: DesiredPower, power: DomainPower): boolean =>
  powerWhenReached[desired] === power || (desired === 'Stopped' && power === 'missing')

/** The domain is shut off, by the guest itself or because somebody asked it to: libvirt does not tell these apart. */
export const isOffByGuest = ({ power, reason }: Observed): boolean => power === 'off' && reason === 'shutdown'
