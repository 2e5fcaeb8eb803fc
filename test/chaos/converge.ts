// Waits until a cloud has converged, that is until a check finds no violations. Gives up when the violations stay the
// same although agent and controller are idle.
import type { Cloud } from '../rig/cloud.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { listOngoingWork } from './ongoing-work.ts'

/**
 * Longest wait. It is this long because a guest that ignores a soft reboot takes two minutes, and the machine may be
 * slow.
 */
const DEADLINE_MS = 900_000
/**
 * Give up if agent and controller are idle and the violations have not changed for this long. Every retry comes sooner.
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
    // On a slow machine an agent may still be starting. While there is work, begin to count STUCK_MS anew.
    const isIdle = (await listOngoingWork(cloud)).length === 0
    if (!isIdle) since = performance.now()
    return isIdle
  }
  // waitUntil() rejects at the deadline. Ignore that and return the violations of the last check.
  await waitUntil(isSettled, { what: 'convergence', deadline: DEADLINE_MS, every: 50 }).catch(() => undefined)
  return violations
}

async function runCheck(cloud: Cloud, check: () => Promise<string[]>): Promise<string[]> {
  try {
    const violations = await check()
    if (violations.length > 0) return violations
    const work = await listOngoingWork(cloud)
    // Work that has ended in the meantime may have changed the cloud after the first check. So check again.
    return work.length > 0 ? work : await check()
  } catch (error) {
    return [`the check failed: ${String(error)}`]
  }
}
