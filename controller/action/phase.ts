import type { ServerAction } from '../../crds/index.ts'

export const phaseOf = ({ status }: ServerAction): string => status?.phase ?? 'Pending'

/** Whether the action has succeeded, failed or been rejected. A new action without a status is Pending. */
export const isFinished = (action: ServerAction): boolean => !['Pending', 'Running'].includes(phaseOf(action))
