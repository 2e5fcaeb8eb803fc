import type { ConditionType, Reason } from './reasons.ts'
import type { Condition } from './schema.ts'

export interface NewCondition extends Omit<Condition, 'lastTransitionTime'> {
  type: ConditionType
  reason: Reason
}

export function findCondition(list: readonly Condition[] | undefined, type: string): Condition | undefined {
  return list?.find((c) => c.type === type)
}

/** The time of a condition is that in `old` if type and status are the same there, otherwise `now` (RFC 3339). */
export function withTransitionTimes(
  wanted: readonly NewCondition[],
  old: readonly Condition[] | undefined,
  now: string,
): Condition[] {
  return wanted.map((c) => {
    const before = findCondition(old, c.type)
    return { ...c, lastTransitionTime: before && before.status === c.status ? before.lastTransitionTime : now }
  })
}
