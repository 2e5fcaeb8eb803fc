/**
 * Hashes the state of the cloud without names and numbers. The number of different hashes shows how many states a
 * series of runs reaches.
 */
import type { Server } from '../../crds/index.ts'
import type { Cloud } from './cloud.ts'

export function hashState(cloud: Cloud): number {
  const servers = cloud.api.peek<Server>('servers').map((server) => describeServer(server, cloud))
  const processes = cloud.slots.map(
    ({ process, name }) => `${cloud.host(name) ? 'h' : 'c'}${process?.isFrozen ?? 'off'}`,
  )
  const text = [...servers.sort(), ...processes.sort()].join(' ')
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

function describeServer({ metadata, spec, status = {} }: Server, cloud: Cloud): string {
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
    metadata.deletionTimestamp && 'terminating',
    host && 'scheduled',
    domain && `${domain.state} ${domain.managedSave !== undefined}`,
  ].join(',')
}
