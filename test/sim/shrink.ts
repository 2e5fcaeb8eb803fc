/** The least that still goes wrong: ops are left out one after the other, and what fails without one stays without it. */
import type { Plan } from './plan.ts'
import { type RunOptions, simulate } from './simulate.ts'

const kindOf = (what: string | undefined): string => (what ?? '').replaceAll(/\b[abc]\b|[0-9]+/g, '#')

/** @param broken what was found; another end counts for none */
export async function shrink(plan: Plan, broken: string | undefined, options: RunOptions = {}): Promise<Plan> {
  let least = plan
  for (let at = plan.ops.length - 1; at >= 0; at--) {
    const ops = least.ops.filter((_, i) => i !== at)
    const outcome = await simulate({ ...least, ops }, options)
    if (outcome.broken.some((what) => kindOf(what) === kindOf(broken))) least = { ...least, ops }
  }
  return least
}
