/** The parts of an agent, made once and put together; no part starts anything by being made but the connection to libvirt. */
import { join } from 'node:path'
import { type Hypervisor, hypervisor, resourceDefOf, type Server, server } from '../crds/index.ts'
import { defineIndex } from '../kube/cache.ts'
import type { Kube } from '../kube/client.ts'
import type { Heartbeat } from '../kube/heartbeat.ts'
import { createInformer, type Informer } from '../kube/informer.ts'
import { LatestObjects } from '../kube/latest-objects.ts'
import type { Log } from '../kube/log.ts'
import { WorkQueue } from '../kube/queue.ts'
import type { Resource } from '../kube/resource.ts'
import { keyOf, type OwnerReference } from '../kube/types.ts'
import { rotateLogs } from './console/rotate-all.ts'
import { removeServerFiles } from './host/disks.ts'
import { type DomainClient, newDomainClient } from './host/domain-client.ts'
import { defaultHostName, type Facts, firstAddress, learnFacts } from './host/facts.ts'
import { Jobs } from './host/jobs.ts'
import { newLibvirtHost } from './host/libvirt-host.ts'
import { serverPaths } from './host/paths.ts'
import { type HostStorage, openStorage } from './host/storage.ts'
import { type Claimed, claimIdentity, type Identity } from './identity.ts'
import { createLeftovers, type Leftovers, ownersIn } from './leftovers.ts'
import { type CallFunction, openSession, type Session } from './libvirt/index.ts'
import { measureLibvirt } from './metrics.ts'
import { createHostNetwork, type HostNetwork } from './net/host-network.ts'
import type { AgentOptions } from './options.ts'
import { DomainWatch } from './server/events.ts'
import type { LocalHost } from './server/reconcile.ts'
import { version } from './version.ts'

/** Servers by the UUID of their domain. */
const serversByUuid = defineIndex(resourceDefOf(server), 'by UUID', (s) => [uuidOf(s)])
export const serversByUid = defineIndex(resourceDefOf(server), 'by uid', ({ metadata }) => [metadata.uid])

/** What libvirt said of the host; `first` resolves when it has for the first time. */
export interface KnownFacts {
  known: Facts | undefined
  first: PromiseWithResolvers<void>
}

/** Whether libvirt has been away for longer than a restart of it takes; `firstAway` resolves when it has for the first time. */
export interface LibvirtState {
  away: boolean
  firstAway: PromiseWithResolvers<void>
}

/** What an agent has of the cluster: the same whatever its host is. */
export interface ClusterParts {
  kube: Kube
  options: AgentOptions
  log: Log
  hostName: string
  /** The servers that are placed on this host, and no others. */
  servers: Resource<Server>
  informer: Informer<Server>
  /** This host's own Hypervisor, and no other. */
  self: Informer<Hypervisor>
  /** What was written of servers and is not in the cache yet. */
  newest: LatestObjects<Server>
  queue: WorkQueue
  watch: DomainWatch
  facts: KnownFacts
  libvirt: LibvirtState
  /** Undefined until the first one is on its way. */
  beat: { current: Heartbeat | undefined }
  /** This host's Hypervisor as it was registered last: what is the host's goes with it. */
  registered: { owner: OwnerReference | undefined }
}

/** What an agent has of its host: libvirt, disks and networks; or, in a simulation, none of them. */
export interface HostParts {
  session: Link
  /** Asks the host what it is. */
  learn(): Promise<Facts>
  storage: Pick<HostStorage, 'clean'> & AsyncDisposable
  network: Pick<HostNetwork, 'sync'> & AsyncDisposable
  host: LocalHost
  leftovers: Leftovers
  /** Whose host this is stays so, and nobody else works on it: waits for that. @throws Refused */
  claim(mine: Identity, signal: AbortSignal): Promise<Claimed>
  /** Console logs of the servers of these uids. */
  rotate(uids: readonly string[]): Promise<void>
  /** Counts the calls of the host until the returned function is called. */
  measure(): () => void
}

/** As much of the session with libvirt as the agent itself asks for. */
export type Link = Pick<Session, 'generation' | 'connection' | 'connected' | 'on' | 'onResync'> & AsyncDisposable

export type Parts = ClusterParts & HostParts

export const uuidOf = ({ metadata, spec, status }: Server): string =>
  status?.instance?.uuid ?? spec.uuid ?? metadata.uid ?? ''

/** All servers of this host are looked at anew, after what users ask for. */
export function queueAll({ informer, queue }: Pick<ClusterParts, 'informer' | 'queue'>): void {
  for (const { metadata } of informer.cache.values()) queue.add(keyOf(metadata), { priority: 'low' })
}

/** A signal that never aborts: cleaning up is not stopped half-way. */
const never = new AbortController().signal

export async function createParts(kube: Kube, options: AgentOptions, log: Log): Promise<Parts> {
  const cluster = clusterParts(kube, options, log)
  const { hostName } = cluster
  const { stateDir, libvirtUri: uri, domainType, hostIp } = options
  const session = openSession({ uri })
  const call: CallFunction = (procedure, args, how) => session.call(procedure, args, how)
  const domains = newDomainClient(call)
  const storage = await openStorage(options, log)
  const network = createHostNetwork({ stateDir: join(stateDir, 'net'), host: hostName })
  const jobs = new Jobs((uuid) => cluster.watch.notify(uuid))
  const base = { ...cluster, domains, storage, network, jobs }
  return {
    ...cluster,
    session,
    learn: () =>
      learnFacts(call, {
        domainType,
        dataDir: stateDir,
        hostIP: hostIp ?? firstAddress(),
        agentVersion: version,
        log,
      }),
    storage,
    network,
    host: hostOf(base),
    leftovers: leftoversOf(base),
    claim: (mine, signal) => claimIdentity(stateDir, mine, signal),
    rotate(uids) {
      const logs = uids.map((uid) => serverPaths(stateDir, options.runDir, uid).consoleLog)
      return rotateLogs(logs, options)
    },
    measure: () => measureLibvirt(kube.metrics),
  }
}

/** Nothing of it is started yet. */
export function clusterParts(kube: Kube, options: AgentOptions, log: Log): ClusterParts {
  const hostName = options.hostName ?? defaultHostName()
  const servers = kube.resource(resourceDefOf(server))
  const { metrics, clock } = kube
  const informer = createInformer(servers, {
    fieldSelector: `status.host=${hostName}`,
    log,
    metrics,
    clock,
  })
  const self = createInformer(kube.resource(resourceDefOf(hypervisor)), {
    fieldSelector: `metadata.name=${hostName}`,
    log,
    metrics,
    clock,
  })
  const queue = new WorkQueue({ name: 'servers', metrics, clock })
  const watch = new DomainWatch((uuid) => {
    for (const { metadata } of informer.cache.byIndex(serversByUuid, uuid)) queue.add(keyOf(metadata))
  })
  const newest = new LatestObjects<Server>()
  const facts: KnownFacts = { known: undefined, first: Promise.withResolvers() }
  const libvirt: LibvirtState = { away: false, firstAway: Promise.withResolvers() }
  return {
    kube,
    options,
    log,
    hostName,
    servers,
    informer,
    self,
    newest,
    queue,
    watch,
    facts,
    libvirt,
    beat: { current: undefined },
    registered: { owner: undefined },
  }
}

interface Base extends ClusterParts {
  domains: DomainClient
  storage: HostStorage
  jobs: Jobs
  network: HostNetwork
}

function hostOf({ options, domains, storage, network, jobs, facts }: Base): LocalHost {
  const { stateDir: dataDir, runDir } = options
  return newLibvirtHost({
    dataDir,
    runDir,
    client: domains,
    storage,
    network,
    jobs,
    facts: () => {
      if (!facts.known) throw new Error('the host’s capabilities are not known yet')
      return facts.known.build
    },
  })
}

function leftoversOf({ hostName, options, servers, informer, domains, network, storage, jobs, log }: Base): Leftovers {
  const { stateDir, runDir, orphanGraceSeconds } = options
  return createLeftovers({
    hostName,
    owners: () => ownersIn(stateDir, log),
    servers,
    known: (uid) => informer.cache.byIndex(serversByUid, uid).length > 0,
    domains,
    async clean(uid) {
      await network.unplug(uid, { signal: never })
      await removeServerFiles(uid, serverPaths(stateDir, runDir, uid), { cache: storage.cache, jobs })
    },
    graceMs: orphanGraceSeconds * 1000,
    now: () => performance.now(),
    log,
  })
}
