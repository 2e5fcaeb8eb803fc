/** Conditions in metav1 form: set one without touching the time when nothing flipped. Pure. */
import type { ConditionType, Reason } from './reasons.ts'
import type { Condition } from './schema.ts'

export interface NewCondition extends Omit<Condition, 'lastTransitionTime'> {
  type: ConditionType
  reason: Reason
}

/** The condition of that type, if there is one. */
export function findCondition(list: readonly Condition[] | undefined, type: string): Condition | undefined {
  return list?.find((c) => c.type === type)
}

/** `wanted` with times: the old one's where the status is the same, else `now` (RFC 3339). Order is that of `wanted`. */
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
