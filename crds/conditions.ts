/**
 * Finds conditions (metav1.Condition) in a list, and sets lastTransitionTime where the status of a condition changes.
 */
import type { ConditionType, Reason } from './reasons.ts'
import type { Condition } from './schema.ts'

export interface NewCondition extends Omit<Condition, 'lastTransitionTime'> {
  type: ConditionType
  reason: Reason
}

export function findCondition(list: readonly Condition[] | undefined, type: string): Condition | undefined {
  return list?.find((c) => c.type === type)
}

/**
 * Adds lastTransitionTime to each condition of `wanted`. The time is that of the condition in `old` if it has the same
 * type and status, otherwise `now` (RFC 3339).
 */
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
