/** Shrinks a failing plan: operations are left out one after the other, as long as the run still fails alike. */
import type { Plan } from './plan.ts'
import { type RunOptions, runSimulation } from './simulate.ts'

/** A violation without names and numbers. */
const kindOf = (violation: string | undefined): string => (violation ?? '').replaceAll(/\b[abc]\b|[0-9]+/g, '#')

/** @param violation the violation that must remain */
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
