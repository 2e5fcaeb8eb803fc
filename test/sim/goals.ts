/** What must be true when the faults have ended and all is at rest: each server as wished, and nothing left of what is gone. */
import { demandOf } from '../../controller/scheduler/request.ts'
import { condition, type Hypervisor, type Port, type Server, type ServerAction } from '../../crds/index.ts'
import type { Lease } from '../../kube/builtin-kinds.ts'
import type { KubeObject } from '../../kube/types.ts'
import type { Machine } from '../fakes/host.ts'
import type { Cloud } from './cloud.ts'
import { sizes } from './deeds.ts'
import type { Plan } from './plan.ts'

const stateOf = { Running: 'active', Stopped: 'stopped', Paused: 'paused', Suspended: 'suspended' } as const

/** What is not so yet; empty: all is well. */
export function unmet(cloud: Cloud, plan: Plan): string[] {
  const servers = cloud.api.peek<Server>('servers')
  return [
    ...servers.flatMap((server) => ofServer(server, servers, cloud, plan)),
    ...deeds(cloud, servers),
    ...ports(cloud, servers, plan),
    ...sharedAddresses(cloud),
    ...hosts(cloud, servers),
    ...furniture(cloud),
  ]
}

/** What servers refer to has been looked at. */
const furniture = ({ api }: Cloud): string[] =>
  ['flavors', 'networks', 'images'].flatMap((plural) =>
    api
      .peek<KubeObject & { status?: { conditions?: unknown } }>(plural)
      .filter(({ status }) => status?.conditions === undefined)
      .map(({ metadata }) => `${metadata.name} of ${plural} was not looked at`),
  )

/** Kinds that a controller watches, its leases with them; and an agent. */
const WATCHED = { controller: 10, agent: 2 }

/** What is not so yet because of a fault: all run, and none of their caches is behind. */
export function recovering({ slots, streams, host, api }: Cloud): string[] {
  const leader = api.peek<Lease>('leases').find(({ metadata }) => metadata.name === 'kubenova-controller')
  const isLed = slots.some(({ process }) => process?.identity === leader?.spec?.holderIdentity)
  const waiting = slots.flatMap(({ name, process }) => {
    if (!process) return [`${name} does not run`]
    const open = [...streams].filter((stream) => stream.process === name && !stream.isSilent).length
    const wanted = host(name) ? WATCHED.agent : WATCHED.controller
    return open < wanted ? [`${name} watches ${open} kinds`] : []
  })
  return isLed ? waiting : [...waiting, 'nobody leads']
}

function ofServer(server: Server, servers: readonly Server[], cloud: Cloud, plan: Plan): string[] {
  const { metadata, status = {} } = server
  if (metadata.deletionTimestamp) return [`${metadata.name}: is not gone`]
  const of = status.host === undefined ? unplaced(server, servers, cloud, plan) : placed(server, cloud)
  return of.map((what) => `${metadata.name}: ${what}`)
}

function placed(server: Server, cloud: Cloud): string[] {
  const { fault, vmState } = server.status ?? {}
  if (vmState === 'error')
    return cloud.weather.struckHost ? [] : [`is in error, and no step of a host failed: ${fault?.message}`]
  const open = underWay(server)
  return open === undefined ? power(server, cloud) : [open]
}

/** Servers that have failed, and wait to be asked again. */
export const inError = ({ api }: Cloud): Server[] =>
  api.peek<Server>('servers').filter(({ status }) => status?.vmState === 'error')

/** Asked again, with nothing that fails, each is as wished, whatever that is; but where no host has room. */
export const unhealed = (cloud: Cloud): string[] =>
  inError(cloud)
    .filter(({ status }) => status?.host !== undefined || status?.rejectedHosts)
    .map(({ metadata, spec }) => `${metadata.name} was asked to start, and is in error, not ${spec.powerState}`)

/** What of it is not at rest. */
function underWay({ metadata, status = {} }: Server): string | undefined {
  if (status.activeAction && status.activeAction.uid !== status.lastCompletedAction)
    return `${status.activeAction.name} is under way`
  if (status.observedGeneration !== metadata.generation) return 'its newest spec is not seen'
  if (status.taskState !== undefined) return `is ${status.taskState}`
  return condition(status.conditions, 'HostReachable') && 'its host is said to be down'
}

function power(server: Server, cloud: Cloud): string[] {
  const { metadata, spec, status = {} } = server
  const ready = condition(status.conditions, 'Ready')
  if (ready?.status !== 'True') return isByGuest(server, cloud) ? [] : [`is not ready: ${JSON.stringify(ready)}`]
  if (status.vmState !== stateOf[spec.powerState]) return [`is ${status.vmState}, and shall be ${spec.powerState}`]
  const is = wishMet(cloud.host(status.host ?? '')?.machines.machine(metadata.uid ?? '').domain)
  return is === spec.powerState ? [] : [`its domain is ${is}, and shall be ${spec.powerState}`]
}

const powerOf = { running: 'Running', paused: 'Paused', off: 'Stopped', pmsuspended: 'Running' } as const

/** Which wish a machine meets. */
function wishMet(domain: Machine['domain']): Server['spec']['powerState'] {
  if (domain === undefined) return 'Stopped'
  return domain.hasManagedSave ? 'Suspended' : powerOf[domain.state]
}

/** A guest that went off by itself stays so until somebody wishes anew; so does one that is to be suspended, and lost the memory that was to be saved. */
function isByGuest(server: Server, cloud: Cloud): boolean {
  const reason = condition(server.status?.conditions, 'Ready')?.reason
  const isLost = reason === 'ChangedOnHost' && server.spec.powerState === 'Suspended'
  return (reason === 'GuestShutdown' || isLost) && hadAccident(cloud, server)
}

const hadAccident = ({ hosts }: Cloud, { metadata }: Server): boolean =>
  hosts.some(({ accidents }) => accidents.has(metadata.uid ?? ''))

/** Why it should have a host, or be told why not. In the order in which the controller looks: ports that it names, hosts, addresses. */
function unplaced(server: Server, servers: readonly Server[], cloud: Cloud, plan: Plan): string[] {
  const { networks } = server.spec
  const isShared = (other: Server): boolean =>
    other.status?.host !== undefined && other.spec.networks.some(({ port }) => port !== undefined)
  const names = networks.some(({ port }) => port !== undefined)
  if (names && (isWithout(cloud, plan) || servers.some(isShared))) return []
  const room = withRoom(server, servers, cloud)
  if (room.length === 0) return server.status?.vmState === 'error' ? [] : ['is not told that no host has room']
  const wanted = networks.filter(({ name }) => name === 'lan').length
  if (wanted === 0 || addressesIn(cloud) + wanted <= plan.addresses)
    return [`has no host, and ${room.join(', ')} has room`]
  return isWaiting(server) ? [] : ['is not told that no address is free']
}

const isWaiting = ({ status }: Server): boolean =>
  condition(status?.conditions, 'Scheduled')?.reason === 'NoFreeAddress'

/** How many servers have been told that they wait for addresses. */
export const waitingForAddresses = ({ api }: Cloud): number => api.peek<Server>('servers').filter(isWaiting).length

/** Names of the hosts that could take it. */
function withRoom({ spec, status }: Server, servers: readonly Server[], cloud: Cloud): string[] {
  const demand = sizes[spec.flavor as keyof typeof sizes]
  const refused = new Set(status?.rejectedHosts?.map(({ host }) => host))
  const room = cloud.hosts.filter(({ name, capacity }) => {
    const claims = servers
      .filter(({ status: other }) => other?.host === name)
      .map(({ status: other }) => other?.instance && demandOf(other.instance.flavor, other.instance.image))
    const used = (of: 'vcpus' | 'ram'): number => claims.reduce((sum, claim) => sum + (claim?.[of] ?? 0), 0)
    return used('ram') + demand.ram <= capacity.ram - 512 && used('vcpus') + demand.vcpus <= capacity.vcpus * 4
  })
  return room.map(({ name }) => name).filter((name) => !refused.has(name))
}

/** How many of the network's addresses are taken. */
const addressesIn = ({ api }: Cloud): number =>
  api.peek<Port>('ports').filter(({ spec, status }) => spec.network.name === 'lan' && status?.fixedIPs).length

/** Is there no address left for the port that a user made? */
const isWithout = (cloud: Cloud, plan: Plan): boolean =>
  cloud.api.peek<Port>('ports').some(({ spec, status }) => spec.server === undefined && !status?.fixedIPs) &&
  addressesIn(cloud) >= plan.addresses

function deeds(cloud: Cloud, servers: readonly Server[]): string[] {
  const uids = new Set(servers.map(({ metadata }) => metadata.uid))
  // To start one that no host took is to try it again: that lasts as long as it waits for an address.
  const waiting = new Set(servers.filter(isWaiting).map(({ status }) => status?.activeAction?.uid))
  return cloud.api.peek<ServerAction>('serveractions').flatMap((deed) => {
    const { phase = 'Pending' } = deed.status ?? {}
    if (phase === 'Running' && waiting.has(deed.metadata.uid)) return []
    if (phase === 'Pending' || phase === 'Running') return [`deed ${deed.metadata.name} is ${phase}`]
    return ended(deed, uids, cloud)
  })
}

function ended(
  { metadata, spec, status }: ServerAction,
  uids: ReadonlySet<string | undefined>,
  cloud: Cloud,
): string[] {
  const { name, uid = '', ownerReferences } = metadata
  const owner = ownerReferences?.[0]?.uid ?? ''
  if (owner && !uids.has(owner)) return [`record ${name} is left of a server that is gone`]
  const isReboot = spec.action === 'reboot' && status?.phase === 'Succeeded'
  return isReboot && !hasBooted(cloud, owner, uid) ? [`deed ${name} succeeded, and nothing was booted`] : []
}

const hasBooted = ({ hosts }: Cloud, uid: string, mark: string): boolean =>
  hosts.some(({ machines }) => machines.machine(uid).boots.includes(mark))

/** Records of the changes of a server: as many as it counts, each once. */
export function records(cloud: Cloud, forgotten: ReadonlySet<string>): string[] {
  const all = cloud.api.peek<ServerAction>('serveractions')
  return cloud.api.peek<Server>('servers').flatMap(({ metadata, status }) => {
    const isIts = (record: ServerAction): boolean => record.metadata.ownerReferences?.[0]?.uid === metadata.uid
    const count = status?.records ?? 0
    const missing = Array.from({ length: count }, (_, i) => `${metadata.name}-${i + 1}`).filter(
      (name) =>
        !forgotten.has(`${metadata.namespace}/${name}`) &&
        !all.some((record) => record.metadata.name === name && isIts(record)),
    )
    // One that was written, and undone by a loss of power before it was counted, is counted with the next.
    const mayBeMore = cloud.hosts.some(({ accidents }) => accidents.has(metadata.uid ?? ''))
    const more = all.filter((r) => !mayBeMore && r.metadata.name === `${metadata.name}-${count + 1}` && isIts(r))
    const creations = all.filter((r) => isIts(r) && r.spec.action === 'create' && r.status?.phase === 'Succeeded')
    return [
      ...missing.map((name) => `the record ${name} is missing`),
      ...more.map(({ metadata: { name } }) => `the record ${name} is not counted`),
      ...(creations.length > 1 ? [`${metadata.name} was created ${creations.length} times`] : []),
    ]
  })
}

/** An address is one port's. */
function sharedAddresses({ api }: Cloud): string[] {
  const holders = new Map<string, string>()
  return api.peek<Port>('ports').flatMap(({ metadata, spec, status }) =>
    (status?.fixedIPs ?? []).flatMap((address) => {
      const key = `${spec.network.namespace ?? metadata.namespace}/${spec.network.name} ${address}`
      const other = holders.get(key)
      holders.set(key, metadata.name)
      return other === undefined ? [] : [`${key} is given to ${other} and to ${metadata.name}`]
    }),
  )
}

function ports(cloud: Cloud, servers: readonly Server[], plan: Plan): string[] {
  const uids = new Set(servers.map(({ metadata }) => metadata.uid))
  return cloud.api.peek<Port>('ports').flatMap(({ metadata, spec, status }) => {
    const owner = metadata.ownerReferences?.[0]?.uid
    if (owner !== undefined && !uids.has(owner)) return [`port ${metadata.name} is left of a server that is gone`]
    if (spec.server !== undefined || status?.fixedIPs) return []
    if (addressesIn(cloud) < plan.addresses) return [`port ${metadata.name} has no address, and one is free`]
    return status?.conditions ? [] : [`port ${metadata.name} is not told that no address is free`]
  })
}

function hosts(cloud: Cloud, servers: readonly Server[]): string[] {
  const hypervisors = new Map(cloud.api.peek<Hypervisor>('hypervisors').map((h) => [h.metadata.name, h]))
  return cloud.hosts.flatMap(({ name, machines }) => {
    const here = new Set(servers.filter(({ status }) => status?.host === name).map(({ metadata }) => metadata.uid))
    const left = machines.uids().filter((uid) => !here.has(uid) && !machines.isEmpty(uid))
    const status = hypervisors.get(name)?.status
    return [
      ...left.map((uid) => `${name} has something of ${machines.machine(uid).owner?.name}, which is not its`),
      ...(status?.state === 'up' ? [] : [`${name} is ${status?.state}`]),
      ...(condition(status?.conditions, 'Ready')?.status === 'True' ? [] : [`${name} is not ready`]),
    ]
  })
}
