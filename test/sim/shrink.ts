/**
 * Tries to leave out each operation of a failing plan, from the last to the first. An operation stays out if the run
 * still has a violation of the same kind.
 */
import type { Plan } from './plan.ts'
import { type RunOptions, runSimulation } from './simulate.ts'

/** Without server names and numbers, violations of the same kind are equal. */
const kindOf = (violation: string | undefined): string => (violation ?? '').replaceAll(/\b[abc]\b|[0-9]+/g, '#')

/** @param violation a violation of the failing run; a smaller plan must cause a violation of the same kind */
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
