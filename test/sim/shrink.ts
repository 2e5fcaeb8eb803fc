/**
 * Shrinks a failing plan (plan.ts): leaves out each operation, the last one first, if the run without it still fails in
 * the same way.
 */
import type { Plan } from './plan.ts'
import { type RunOptions, runSimulation } from './simulate.ts'

/**
 * Returns a violation without the names of servers and without numbers, so that violations of the same kind are equal.
 */
const kindOf = (violation: string | undefined): string => (violation ?? '').replaceAll(/\b[abc]\b|[0-9]+/g, '#')

/** @param violation a violation of the failing run; the run of the shrunk plan has a violation of the same kind */
export async function shrinkPlan(plan: Plan, violation: string | undefined, options: RunOptions = {}): Promise<Plan> {
  let smallest = plan
  for (let at = plan.operations.length - 1; at >= 0; at--) {
    const operations = smallest.operations.filter((_, i) => i !== at)
    const result = await runSimulation({ ...smallest, operations }, options)
    const failsAlike = result.violations.some((other) => kindOf(other) === kindOf(violation))
    if (failsAlike) smallest = { ...smallest, operations }
  }
  return smallest
}
