// A cloud has converged when a check finds no violations. Gives up when the violations stay the same although agent and
// controller are idle.
import type { Cloud } from '../rig/cloud.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { listOngoingWork } from './ongoing-work.ts'

/**
 * The deadline is long because an operation takes two minutes if the guest ignores a soft reboot, and longer on a slow
 * machine.
 */
const DEADLINE_MS = 900_000
/**
 * Give up when agent and controller are idle and the violations are unchanged for this long. The longest pause before a
 * retry is shorter.
 */
const STUCK_MS = 60_000

/**
 * @param check returns the violations; an error that it throws counts as a violation
 * @returns the violations that persist, none if the cloud has converged
 */
export async function waitUntilConverged(cloud: Cloud, check: () => Promise<string[]>): Promise<string[]> {
  let violations: string[] = []
  let since = performance.now()
  const isSettled = async (): Promise<boolean> => {
    const now = await runCheck(cloud, check)
    if (now.join() !== violations.join()) since = performance.now()
    violations = now
    if (now.length === 0) return true
    if (performance.now() - since < STUCK_MS) return false
    // Do not give up while agent or controller has work: on a slow machine, for example, an agent may still be
    // starting. Measure STUCK_MS again from now.
    const isIdle = (await listOngoingWork(cloud)).length === 0
    if (!isIdle) since = performance.now()
    return isIdle
  }
  // At the deadline, return the violations of the last check.
  await waitUntil(isSettled, { what: 'convergence', deadline: DEADLINE_MS, every: 50 }).catch(() => undefined)
  return violations
}

async function runCheck(cloud: Cloud, check: () => Promise<string[]>): Promise<string[]> {
  try {
    const violations = await check()
    if (violations.length > 0) return violations
    const work = await listOngoingWork(cloud)
    // Work that ended since the first check may have changed the cloud.
    return work.length > 0 ? work : await check()
  } catch (error) {
    return [`the check failed: ${String(error)}`]
  }
}
