import { newBadRequest } from '../../http/fault.ts'
import type { Period } from '../../state/usage-report.ts'
import type { Query } from '../../validation/request.ts'

/** Here Nova takes only these three forms of a time, without a zone. */
const forms = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d(?:\.\d{1,6})?)| (\d\d:\d\d:\d\d\.\d{1,6}))$/

function readTime(text: string): Date {
  const [, day, time, timeAfterBlank] = forms.exec(text) ?? []
  const date = new Date(`${day}T${time ?? timeAfterBlank}Z`)
  if (Number.isNaN(date.getTime())) throw newBadRequest('Invalid datetime string: Datetime is in invalid format')
  return date
}

/** An absent `start` or `end` is now. The period ends now at the latest. */
export function readPeriod(query: Query, now: Date): Period {
  const [startText, endText] = [query['start']?.[0], query['end']?.[0]]
  const start = startText ? readTime(startText) : now
  const stop = endText ? readTime(endText) : now
  const isNow = !startText && !endText
  if (!isNow && start >= stop)
    throw newBadRequest('Invalid start time. The start time cannot occur after the end time.')
  return { start, stop: stop > now ? now : stop }
}
