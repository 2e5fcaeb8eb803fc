// Waits until a cloud is at rest and right; or until it is at rest and wrong, and stays so.
import type { Cloud } from '../rig/cloud.ts'
import { until } from '../rig/until.ts'
import { busy } from './idle.ts'

/** Longest wait, in ms: a guest that does not answer a soft reboot alone takes two minutes, and machines may be slow. */
const DEADLINE_MS = 900_000
/** What is wrong for so long, and then nobody is at it, stays wrong. Waits between tries of an action are shorter. */
const STUCK_MS = 60_000

/**
 * @param judge says what is wrong, if anything; whatever it throws is a wrong of its own
 * @returns what is wrong in the end
 */
export async function rest(cloud: Cloud, judge: () => Promise<string[]>): Promise<string[]> {
  let wrong: string[] = []
  let since = performance.now()
  const look = async (): Promise<boolean> => {
    const now = await judged(cloud, judge)
    if (now.join() !== wrong.join()) since = performance.now()
    wrong = now
    if (now.length === 0) return true
    if (performance.now() - since < STUCK_MS) return false
    // An agent that has not come up yet, on a machine that is slow, is no end.
    const idle = (await busy(cloud)).length === 0
    if (!idle) since = performance.now()
    return idle
  }
  await until(look, { what: 'rest', deadline: DEADLINE_MS, every: 50 }).catch(() => undefined) // `wrong` tells
  return wrong
}

async function judged(cloud: Cloud, judge: () => Promise<string[]>): Promise<string[]> {
  try {
    const first = await judge()
    if (first.length > 0) return first
    const active = await busy(cloud)
    // What was done between the first look and the end of all work is seen by the second.
    return active.length > 0 ? active : await judge()
  } catch (error) {
    return [`cannot be judged: ${String(error)}`]
  }
}
