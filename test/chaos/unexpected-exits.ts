// Finds processes that exited although the test did not kill them. The test restarts such a process, so its crash would
// otherwise stay unnoticed.
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

const LOG_LINES = 3

/** A controller exits on purpose when it cannot renew its lease. An agent never does; it waits for the API server. */
function isByDesign({ service, lastLines }: UnexpectedEnd, faults: readonly FaultName[]): boolean {
  const wasApiAway = faults.includes('kube-apiserver') || faults.includes('etcd')
  return service === 'controller' && wasApiAway && lastLines.includes('leadership was lost')
}
