/**
 * Numeric IDs of Nova: aggregates have them at every microversion, hypervisors and services before 2.53. They are made
 * from the uid, so that all replicas agree. Pure.
 */
import { createHash } from 'node:crypto'
import { newBadRequest } from '../http/fault.ts'
import { checkFormat } from '../validation/formats.ts'

interface WithUid {
  metadata: { uid?: string | undefined }
}

/** 48 bits of a hash: two of a million objects have the same number with a probability of 1 in 500. */
const HASH_DIGITS = 12

/** The number that stands for the object. It is below 2⁴⁸, so that JavaScript and JSON keep it exactly. */
export const numericIdOf = ({ metadata }: WithUid): number =>
  Number.parseInt(
    createHash('sha256')
      .update(metadata.uid ?? '')
      .digest('hex')
      .slice(0, HASH_DIGITS),
    16,
  )

/** The number that a text means to Python; undefined if it means none. */
export const parseInteger = (text: string): number | undefined =>
  /^\s*[+-]?\d+(_\d+)*\s*$/.test(text) ? Number(text.replaceAll('_', '')) : undefined

/** Throws a 400 unless the text is an integer. */
export function requireInteger(text: string): number {
  const number = parseInteger(text)
  if (number === undefined) throw newBadRequest('Invalid input received: id must be an integer')
  return number
}

/** Whether Nova takes the text for a UUID: in any case, with or without dashes. */
export const isUuid = (text: string): boolean => checkFormat('uuid', text) === undefined

/** Throws a 400 unless the text is a UUID. */
export function requireUuid(text: string): void {
  if (!isUuid(text)) throw newBadRequest(`Invalid uuid ${text}`)
}
