import { newBadRequest } from '../http/fault.ts'
import type { ExtraProperties } from './backend.ts'

/** In characters of JSON. */
const MAX_LENGTH = 4096

/** The further properties after a change. Throws a 400 if they are too long together. */
export function mergeExtra(old: ExtraProperties = {}, change?: ExtraProperties): ExtraProperties {
  if (change === undefined) return old
  const merged = { ...old, ...change }
  if (JSON.stringify(merged).length > MAX_LENGTH)
    throw newBadRequest(`The further properties have more than ${MAX_LENGTH} characters.`)
  return merged
}
