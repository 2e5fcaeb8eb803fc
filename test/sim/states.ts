/** The cloud in few words, without names and numbers: two that are alike are one state. Counted to see how far the schedules get about. */
import type { Server } from '../../crds/index.ts'
import type { Cloud } from './cloud.ts'

/** A hash of it. */
export function stateOf(cloud: Cloud): number {
  const servers = cloud.api.peek<Server>('servers').map((server) => wordsOf(server, cloud))
  const processes = cloud.slots.map(
    ({ process, name }) => `${cloud.host(name) ? 'h' : 'c'}${process?.isFrozen ?? 'off'}`,
  )
  const text = [...servers.sort(), ...processes.sort()].join(' ')
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

function wordsOf({ metadata, spec, status = {} }: Server, cloud: Cloud): string {
  const {
    host,
    vmState,
    taskState,
    powerState,
    reachedPowerState,
    activeAction: action,
    lastCompletedAction,
    conditions = [],
  } = status
  const domain = cloud.host(host ?? '')?.machines.machine(metadata.uid ?? '').domain
  return [
    spec.powerState,
    vmState,
    taskState,
    powerState,
    reachedPowerState,
    action && `${action.action} ${action.uid === lastCompletedAction}`,
    conditions.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`).sort(),
    metadata.deletionTimestamp && 'dying',
    host && 'placed',
    domain && `${domain.state} ${domain.hasManagedSave}`,
  ].join(',')
}
