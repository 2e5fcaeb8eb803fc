import type { DesiredPower, Mode, Server } from '../crds/index.ts'
import type { Action } from './action.ts'

export const modeOf = ({ status }: Server): Mode => status?.mode ?? 'normal'

export const modeAfter = ({ result }: Pick<Action, 'result'>, mode: Mode): Mode =>
  (result === 'gone' ? undefined : result.mode) ?? mode

/**
 * Only in mode normal does the server follow spec.powerState at once. In the other modes a changed spec.powerState
 * waits until the mode has ended.
 * - rescued: the rescue system should run, whatever spec.powerState says.
 * - resized: the value of spec.powerState that the server reached last, so that a confirm or a revert finds the server
 *   as the resize left it.
 * - shelvedOffloaded: there is no domain, which counts as off.
 */
const targetPowers: Record<Mode, (server: Server) => DesiredPower> = {
  normal: ({ spec }) => spec.powerState,
  rescued: () => 'Running',
  resized: ({ spec, status }) => status?.reachedPowerState ?? spec.powerState,
  shelved: () => 'Stopped',
  shelvedOffloaded: () => 'Stopped',
  softDeleted: () => 'Stopped',
}

export const targetPowerOf = (server: Server): DesiredPower => targetPowers[modeOf(server)](server)
