// Processes that exited by themselves: pure. The cloud restarts them, and a start is a recovery, so a crash would not
// show in the state of the servers.
import type { UnexpectedEnd } from '../rig/cloud.ts'
import type { FaultName } from './faults.ts'

/** @param faults the faults that were injected before these exits */
export function findUnexpectedExits(exits: readonly UnexpectedEnd[], faults: readonly FaultName[]): string[] {
  return exits
    .filter((exit) => !isByDesign(exit, faults))
    .map(
      ({ service, lastLines }) => `${service} exited by itself: ${lastLines.split('\n').slice(-LOG_LINES).join(' | ')}`,
    )
}

/** Last lines of the process's log in a violation. */
const LOG_LINES = 3

/**
 * A controller that cannot renew its lease exits, because it cannot know whether it still leads. An agent waits
 * instead, so its exit is never by design.
 */
function isByDesign({ service, lastLines }: UnexpectedEnd, faults: readonly FaultName[]): boolean {
  const wasApiAway = faults.includes('kube-apiserver') || faults.includes('etcd')
  return service === 'controller' && wasApiAway && lastLines.includes('leadership was lost')
}
