/** Booleans in queries, as oslo's strict parser takes them. Pure. */
import { newBadRequest } from '../http/fault.ts'

const TRUE = ['1', 'on', 't', 'true', 'y', 'yes']
const FALSE = ['0', 'f', 'false', 'n', 'no', 'off']

export const isBooleanText = (text: string): boolean => [...TRUE, ...FALSE].includes(text.trim().toLowerCase())

/** Throws a 400 that lists the accepted words. */
export function readBoolean(text: string): boolean {
  const word = text.trim().toLowerCase()
  if (TRUE.includes(word)) return true
  if (FALSE.includes(word)) return false
  const accepted = [...TRUE, ...FALSE].toSorted().map((value) => `'${value}'`)
  throw newBadRequest(`Unrecognized value '${text}', acceptable values are: ${accepted.join(', ')}`)
}
