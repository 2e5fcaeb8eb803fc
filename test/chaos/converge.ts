// Waits until a check finds no violations (differences between a cloud and the state that it must reach), or until the
// violations persist although agent and controller are idle.
import type { Cloud } from '../rig/cloud.ts'
import { waitUntil } from '../rig/wait-until.ts'
import { listOngoingWork } from './ongoing-work.ts'

/**
 * The longest wait. It is generous, because a guest that ignores a soft reboot takes two minutes, and the machine may
 * be slow.
 */
const DEADLINE_MS = 900_000
/**
 * Violations persist if they have not changed for this time while agent and controller were idle. Any retry of an
 * action comes sooner.
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
    // On a slow machine an agent may still be starting. Then the violations must persist for another STUCK_MS.
    const isIdle = (await listOngoingWork(cloud)).length === 0
    if (!isIdle) since = performance.now()
    return isIdle
  }
  // At the deadline waitUntil() rejects, and the violations of the last check are the result.
  await waitUntil(isSettled, { what: 'convergence', deadline: DEADLINE_MS, every: 50 }).catch(() => undefined)
  return violations
}

async function runCheck(cloud: Cloud, check: () => Promise<string[]>): Promise<string[]> {
  try {
    const violations = await check()
    if (violations.length > 0) return violations
    const work = await listOngoingWork(cloud)
    // The work may have changed the cloud since the first check and ended before it was listed, so check again.
    return work.length > 0 ? work : await check()
  } catch (error) {
    return [`the check failed: ${String(error)}`]
  }
}
