/** The phase of a ServerAction. Pure. */
import type { ServerAction } from '../../crds/index.ts'

export const phaseOf = ({ status }: ServerAction): string => status?.phase ?? 'Pending'

/** Agents write the records of what they did by themselves when it has ended; what a user asks for comes without a status. */
export const isEnded = (action: ServerAction): boolean => !['Pending', 'Running'].includes(phaseOf(action))
