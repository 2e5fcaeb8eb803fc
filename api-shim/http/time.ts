/** Parses an ISO 8601 text; UTC if it names no zone. Undefined if it is invalid. Nova also accepts a date alone. */
export function parseIsoTime(text: string): Date | undefined {
  const pattern = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '0', zone = 'Z'] =
    pattern.exec(text) ?? []
  if (year === undefined) return undefined
  const offset = /^z$/i.test(zone) ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`
  const time = new Date(
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`,
  )
  return Number.isNaN(time.getTime()) ? undefined : time
}

/** `2026-01-02T03:04:05Z` */
export const isoSeconds = (time: string | number | Date): string => `${new Date(time).toISOString().slice(0, 19)}Z`

/** `2026-01-02T03:04:05.000000`: with microseconds and without a zone. */
export const isoMicroseconds = (time: string | Date): string => `${new Date(time).toISOString().slice(0, 23)}000`
