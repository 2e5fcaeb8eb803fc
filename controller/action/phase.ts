/** The phase of a ServerAction. Pure. */
import type { ServerAction } from '../../crds/index.ts'

export const phaseOf = ({ status }: ServerAction): string => status?.phase ?? 'Pending'

/**
 * Whether the action has succeeded, failed or been rejected. A ServerAction without status is a new request of a user.
 */
export const isFinished = (action: ServerAction): boolean => !['Pending', 'Running'].includes(phaseOf(action))
