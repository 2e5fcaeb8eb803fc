import type { Port, Server } from '../../../crds/index.ts'
import type { Cloud } from '../cloud.ts'
import type { Plan } from '../plan.ts'

export const countAllocatedAddresses = ({ api }: Cloud): number =>
  api.peek<Port>('ports').filter(({ spec, status }) => spec.network.name === 'lan' && status?.fixedIPs).length

/** Whether a port of a user has no address because all addresses of `lan` are allocated. */
export const isPortWithoutAddress = (cloud: Cloud, plan: Plan): boolean =>
  cloud.api.peek<Port>('ports').some(({ spec, status }) => spec.server === undefined && !status?.fixedIPs) &&
  countAllocatedAddresses(cloud) >= plan.addressCount

export function findPortViolations(cloud: Cloud, servers: readonly Server[], plan: Plan): string[] {
  const uids = new Set(servers.map(({ metadata }) => metadata.uid))
  return cloud.api.peek<Port>('ports').flatMap(({ metadata, spec, status }) => {
    const owner = metadata.ownerReferences?.[0]?.uid
    if (owner !== undefined && !uids.has(owner)) return [`port ${metadata.name} is an orphan`]
    if (spec.server !== undefined || status?.fixedIPs) return []
    if (countAllocatedAddresses(cloud) < plan.addressCount)
      return [`port ${metadata.name} has no address, but one is free`]
    return status?.conditions ? [] : [`port ${metadata.name} does not report that no address is free`]
  })
}

export function findAddressViolations({ api }: Cloud): string[] {
  const portOf = new Map<string, string>()
  return api.peek<Port>('ports').flatMap(({ metadata, spec, status }) =>
    (status?.fixedIPs ?? []).flatMap((address) => {
      const key = `${spec.network.namespace ?? metadata.namespace}/${spec.network.name} ${address}`
      const other = portOf.get(key)
      portOf.set(key, metadata.name)
      return other === undefined ? [] : [`${key} is allocated to ${other} and to ${metadata.name}`]
    }),
  )
}
