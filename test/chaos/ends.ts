// Whether what ended by itself may have: pure. Each start is a recovery, so a part that crashes and is brought back would look right in the end.
import type { End } from '../rig/cloud.ts'
import type { FaultName } from './faults.ts'

/** @param faults that were made before these ends */
export function unasked(ends: readonly End[], faults: readonly FaultName[]): string[] {
  return ends
    .filter((end) => !isByDesign(end, faults))
    .map(({ service, said }) => `${service} ended by itself: ${said.split('\n').slice(-LINES).join(' | ')}`)
}

/** Of its log, as much as a list of wrong ends has room for. */
const LINES = 3

/** A leader that cannot renew its lease ends, for it cannot know whether it still leads. An agent has no such end: it waits. */
function isByDesign({ service, said }: End, faults: readonly FaultName[]): boolean {
  const wasAway = faults.includes('kube-apiserver') || faults.includes('etcd')
  return service === 'controller' && wasAway && said.includes('leadership was lost')
}
