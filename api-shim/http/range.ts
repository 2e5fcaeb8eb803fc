/** The header Range for one range of bytes (RFC 9110, 14.2). Pure. */

export interface ByteRange {
  start: number
  /** The last byte, included. */
  end: number
}

/** Undefined means the whole body, also if the header is malformed or asks for several ranges, as the RFC allows. */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(?=.*\d)(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (first + last === '') return undefined
  if (first === '') return lastBytes(Math.min(Number(last), size), size)
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, end }
}

const lastBytes = (length: number, size: number): ByteRange | 'unsatisfiable' =>
  length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
