import type { Hypervisor, Server } from '../../../crds/index.ts'
import type { Cloud } from '../cloud.ts'
import { conditionOf } from '../expectations.ts'

export function findHostViolations(cloud: Cloud, servers: readonly Server[]): string[] {
  const hypervisors = new Map(cloud.api.peek<Hypervisor>('hypervisors').map((h) => [h.metadata.name, h]))
  return cloud.hosts.flatMap(({ name, machines }) => {
    const onHost = new Set(servers.filter(({ status }) => status?.host === name).map(({ metadata }) => metadata.uid))
    const orphans = machines.uids().filter((uid) => !onHost.has(uid) && !machines.isEmpty(uid))
    const hypervisor = hypervisors.get(name)
    const isReady = hypervisor && conditionOf(hypervisor, 'Ready')?.status === 'True'
    return [
      ...orphans.map((uid) => `${name} has orphans of ${machines.machine(uid).owner?.name}`),
      ...(hypervisor?.status?.state === 'up' ? [] : [`${name} is ${hypervisor?.status?.state}`]),
      ...(isReady ? [] : [`${name} is not ready`]),
    ]
  })
}
