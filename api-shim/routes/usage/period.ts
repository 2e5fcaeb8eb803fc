import { newBadRequest } from '../../http/fault.ts'
import { isoMicroseconds } from '../../http/time.ts'
import type { Period } from '../../state/usage-report.ts'
import type { Query } from '../../validation/request.ts'

/** Here Nova takes only these three forms of a time, without a zone. */
const forms = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d(?:\.\d{1,6})?)| (\d\d:\d\d:\d\d\.\d{1,6}))$/

interface Time {
  date: Date
  /** With the microseconds that a Date does not have. */
  text: string
}

function readTime(text: string): Time {
  const [, day, time, timeAfterBlank] = forms.exec(text) ?? []
  const iso = `${day}T${time ?? timeAfterBlank}`
  const date = new Date(`${iso}Z`)
  if (Number.isNaN(date.getTime())) throw newBadRequest('Invalid datetime string: Datetime is in invalid format')
  const [seconds, fraction = ''] = iso.split('.')
  return { date, text: `${seconds}.${fraction.padEnd(6, '0')}` }
}

/** A period, and its ends as texts for the answer. */
export interface RequestedPeriod extends Period {
  startText: string
  stopText: string
}

/** An absent `start` or `end` is now. The period ends now at the latest. */
export function readPeriod(query: Query, now: Date): RequestedPeriod {
  const [startText, endText] = [query['start']?.[0], query['end']?.[0]]
  const nowTime: Time = { date: now, text: isoMicroseconds(now) }
  const start = startText ? readTime(startText) : nowTime
  const end = endText ? readTime(endText) : nowTime
  const isNow = !startText && !endText
  if (!isNow && start.date >= end.date)
    throw newBadRequest('Invalid start time. The start time cannot occur after the end time.')
  const stop = end.date > now ? nowTime : end
  return { start: start.date, startText: start.text, stop: stop.date, stopText: stop.text }
}
