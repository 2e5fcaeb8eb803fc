import type { UnmetRequirement } from '../scheduler/unmet-requirements.ts'
import type { ReadyNote } from './ready.ts'

/** A message lists at most this many names, and only counts the others. */
const MAX_NAMES = 20

interface Findings {
  /** Requirements that no host meets. */
  readonly unmet: readonly UnmetRequirement[]
  readonly ineffective: readonly string[]
  readonly unknown?: readonly string[]
}

/** The note for the Ready condition; undefined if there is nothing to report. */
export function usabilityNote({ unmet, ineffective, unknown = [] }: Findings): ReadyNote | undefined {
  const remarks = [
    ...(ineffective.length > 0 ? [`without effect here: ${joinNames(ineffective)}`] : []),
    ...(unknown.length > 0 ? [`unknown: ${joinNames(unknown)}`] : []),
  ]
  if (unmet.length > 0) {
    const required = joinNames(unmet.map(({ property }) => property))
    const message = `no host has what it requires, so no server with it is placed: ${required}; take that out to do without`
    return { reason: 'UnsupportedHardware', message: [message, ...remarks].join('; ') }
  }
  if (remarks.length === 0) return undefined
  return { reason: 'Valid', message: ['it can be used', ...remarks].join('; '), isHarmless: true }
}

function joinNames(names: readonly string[]): string {
  const rest = names.length - MAX_NAMES
  return names.slice(0, MAX_NAMES).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
