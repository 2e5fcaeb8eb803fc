// Finds processes that exited although the test did not kill them. Without this check such a crash would stay
// unnoticed, because the test restarts the process, which then completes its unfinished work. Pure.
import type { UnexpectedEnd } from '../rig/cloud.ts'
import type { FaultName } from './faults.ts'

/** @param faults the processes that the test killed before the exits */
export function findUnexpectedExits(exits: readonly UnexpectedEnd[], faults: readonly FaultName[]): string[] {
  return exits
    .filter((exit) => !isByDesign(exit, faults))
    .map(
      ({ service, lastLines }) => `${service} exited by itself: ${lastLines.split('\n').slice(-LOG_LINES).join(' | ')}`,
    )
}

/** Number of log lines that a violation quotes. */
const LOG_LINES = 3

/**
 * Whether an exit is intended. A controller that cannot renew its lease exits, because it may no longer lead. An agent
 * that cannot reach the API server waits, so it never exits on purpose.
 */
function isByDesign({ service, lastLines }: UnexpectedEnd, faults: readonly FaultName[]): boolean {
  const wasApiAway = faults.includes('kube-apiserver') || faults.includes('etcd')
  return service === 'controller' && wasApiAway && lastLines.includes('leadership was lost')
}
