// Finds processes that exited although the test did not kill them. The test restarts them, and each start repairs what
// is unfinished, so a crash would not show in the state of the servers. Pure.
import type { UnexpectedEnd } from '../rig/cloud.ts'
import type { FaultName } from './faults.ts'

/** @param faults the faults that were injected before the exits */
export function findUnexpectedExits(exits: readonly UnexpectedEnd[], faults: readonly FaultName[]): string[] {
  return exits
    .filter((exit) => !isByDesign(exit, faults))
    .map(
      ({ service, lastLines }) => `${service} exited by itself: ${lastLines.split('\n').slice(-LOG_LINES).join(' | ')}`,
    )
}

/** Number of log lines of the process that a violation quotes. */
const LOG_LINES = 3

/**
 * Whether an exit is by design: a controller that cannot renew its lease exits, because it cannot know whether it still
 * leads. An agent that cannot reach the API server waits, so its exit is never by design.
 */
function isByDesign({ service, lastLines }: UnexpectedEnd, faults: readonly FaultName[]): boolean {
  const wasApiAway = faults.includes('kube-apiserver') || faults.includes('etcd')
  return service === 'controller' && wasApiAway && lastLines.includes('leadership was lost')
}
