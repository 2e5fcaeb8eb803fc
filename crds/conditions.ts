/** Conditions in metav1 form: finding one, and keeping its transition time while its status stays the same. Pure. */
import type { ConditionType, Reason } from './reasons.ts'
import type { Condition } from './schema.ts'

export interface NewCondition extends Omit<Condition, 'lastTransitionTime'> {
  type: ConditionType
  reason: Reason
}

/** The condition of that type, if the list has it. */
export function findCondition(list: readonly Condition[] | undefined, type: string): Condition | undefined {
  return list?.find((c) => c.type === type)
}

/**
 * Adds transition times to `wanted`: that of the old condition where the status is the same, otherwise `now` (RFC
 * 3339). Keeps the order of `wanted`.
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
