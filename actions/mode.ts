/** The mode of a server, and the power that the agent works towards in each mode. Pure. */
import type { DesiredPower, Mode, Server } from '../crds/index.ts'
import type { Action } from './action.ts'

export const modeOf = ({ status }: Server): Mode => status?.mode ?? 'normal'

/** The mode that a server in `mode` has once the action has succeeded. */
export const modeAfter = ({ result }: Pick<Action, 'result'>, mode: Mode): Mode =>
  (result === 'gone' ? undefined : result.mode) ?? mode

/**
 * The power that each mode aims at. Only a normal server follows spec.powerState at once: in the other modes a changed
 * spec.powerState waits until the mode has ended.
 * - rescued: the rescue system should run, whatever the desired power of the server is.
 * - resized: the power that was reached last, so that a confirm or a revert finds the server as the resize left it.
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
