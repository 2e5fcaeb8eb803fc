import { createHash } from 'node:crypto'

/** A UUID (version 8) made from a text: the same text gives the same UUID. */
export function uuidFrom(text: string): string {
  const digits = createHash('sha256').update(text).digest('hex')
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(13, 16)}`, `a${digits.slice(17, 20)}`]
  return [...parts, digits.slice(20, 32)].join('-')
}
