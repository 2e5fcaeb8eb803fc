/** The phase of a ServerAction: Pending, Running, Succeeded, Failed or Rejected. Pure functions. */
import type { ServerAction } from '../../crds/index.ts'

export const phaseOf = ({ status }: ServerAction): string => status?.phase ?? 'Pending'

/**
 * Whether the action has succeeded, failed or been rejected. A new ServerAction has no status and counts as Pending.
 */
export const isFinished = (action: ServerAction): boolean => !['Pending', 'Running'].includes(phaseOf(action))
