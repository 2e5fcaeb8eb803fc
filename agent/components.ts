/** The components of an agent, created once and put together. Creating them starts nothing but the connection to libvirt. */
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { type Hypervisor, hypervisor, resourceDefOf, type Server } from '../crds/index.ts'
import { Channels } from '../kube/channel.ts'
import type { Kube } from '../kube/client.ts'
import type { Heartbeat } from '../kube/heartbeat.ts'
import { createInformer, type Informer } from '../kube/informer.ts'
import { LatestObjects } from '../kube/latest-objects.ts'
import type { Log } from '../kube/log.ts'
import type { Resource } from '../kube/resource.ts'
import { createStores, type Store } from '../kube/store.ts'
import type { OwnerReference } from '../kube/types.ts'
import { rotateLogs } from './console/rotate-all.ts'
import { removeServerFiles } from './host/disks.ts'
import { type DomainClient, newDomainClient } from './host/domain-client.ts'
import { defaultHostName, type Facts, firstExternalAddress, learnFacts } from './host/facts.ts'
import { Jobs } from './host/jobs.ts'
import { newLibvirtHost } from './host/libvirt-host.ts'
import { serverPaths } from './host/paths.ts'
import { type HostStorage, openStorage } from './host/storage.ts'
import { type Identity, lockStateDirectory, type StateDirectoryLock } from './identity.ts'
import { type CallFunction, openSession, type Session } from './libvirt/index.ts'
import { measureLibvirt } from './metrics.ts'
import { createHostNetwork, type HostNetwork } from './net/host-network.ts'
import type { AgentOptions } from './options.ts'
import { createOrphanCollector, type OrphanCollector, readOwnerFiles } from './orphans.ts'
import { lazySealingKey, publicSealingKey } from './sealing-key.ts'
import { domainChanged, resyncDue, serversByUid, serversOn } from './server/controller.ts'
import type { LocalHost } from './server/deps.ts'
import { version } from './version.ts'

/** What libvirt has said of the host; `first` resolves when it has for the first time. */
export interface KnownFacts {
  known: Facts | undefined
  first: PromiseWithResolvers<void>
}

/** Whether libvirt has been away for longer than a restart of it takes; `firstAway` resolves when it has for the first time. */
export interface LibvirtState {
  away: boolean
  firstAway: PromiseWithResolvers<void>
}

/** The components on the side of the cluster: the same for every host. */
export interface ClusterComponents {
  kube: Kube
  options: AgentOptions
  log: Log
  hostName: string
  stores: { servers: Store<Server> }
  /** Of the store of Servers. */
  servers: Resource<Server>
  informer: Informer<Server>
  /** This host's own Hypervisor, and no other. */
  self: Informer<Hypervisor>
  /** What the agent wrote of Servers and the cache does not have yet. */
  newest: LatestObjects<Server>
  channels: Channels
  facts: KnownFacts
  libvirt: LibvirtState
  /** Undefined until the first heartbeat is sent. */
  beat: { current: Heartbeat | undefined }
  /** This host's Hypervisor, as it was registered last. It owns what belongs to the host. */
  registered: { owner: OwnerReference | undefined }
}

/** The components on the side of the host: libvirt, disks and networks; or, in a simulation, none of them. */
export interface HostComponents {
  session: Link
  /** Asks libvirt what the host can do. */
  probeFacts(): Promise<Facts>
  storage: Pick<HostStorage, 'clean'> & AsyncDisposable
  network: Pick<HostNetwork, 'sync'> & AsyncDisposable
  host: LocalHost
  orphans: OrphanCollector
  /** Waits for the host lock and verifies the recorded identity. @throws Refused for the agent of another cluster or host */
  claimHost(mine: Identity, signal: AbortSignal): Promise<StateDirectoryLock>
  /** Rotates the console logs of the Servers of these uids. */
  rotateConsoleLogs(uids: readonly string[]): Promise<void>
  /** Exposes the metrics of libvirt until the returned function is called. */
  exposeMetrics(): () => void
}

/** The part of the session with libvirt that the agent itself uses. */
export type Link = Pick<Session, 'generation' | 'connection' | 'connected' | 'on' | 'onResync'> & AsyncDisposable

export type AgentComponents = ClusterComponents & HostComponents

/** Brings all Servers of this host back to the queue, with low priority: requests of users come first. */
export const enqueueAllServers = ({ channels }: Pick<ClusterComponents, 'channels'>): void =>
  channels.notify(resyncDue, undefined)

/** A signal that never aborts, so that a clean-up is not stopped half-way. */
const neverAborts = new AbortController().signal

export async function createAgentComponents(kube: Kube, options: AgentOptions, log: Log): Promise<AgentComponents> {
  const cluster = createClusterComponents(kube, options, log)
  const { hostName } = cluster
  const { stateDir, libvirtUri: uri, domainType, hostIp } = options
  const session = openSession({ uri })
  const call: CallFunction = (procedure, args, how) => session.call(procedure, args, how)
  const domains = newDomainClient(call)
  const storage = await openStorage(options, log)
  const network = createHostNetwork({ stateDir: join(stateDir, 'net'), host: hostName })
  const sealingKey = lazySealingKey(stateDir)
  const jobs = new Jobs((uuid) => cluster.channels.notify(domainChanged, uuid))
  const local = { ...cluster, domains, storage, network, jobs, sealingKey }
  return {
    ...cluster,
    session,
    async probeFacts() {
      const hostIP = hostIp ?? firstExternalAddress()
      const facts = await learnFacts(call, { domainType, dataDir: stateDir, hostIP, agentVersion: version, log })
      return { ...facts, status: { ...facts.status, sealingKey: publicSealingKey(await sealingKey()) } }
    },
    storage,
    network,
    host: newHost(local),
    orphans: newOrphanCollector(local),
    claimHost: (mine, signal) => lockStateDirectory(stateDir, mine, signal),
    rotateConsoleLogs(uids) {
      const logs = uids.map((uid) => serverPaths(stateDir, options.runDir, uid).consoleLog)
      return rotateLogs(logs, options)
    },
    exposeMetrics: () => measureLibvirt(kube.metrics),
  }
}

/** Nothing of it is started yet. */
export function createClusterComponents(kube: Kube, options: AgentOptions, log: Log): ClusterComponents {
  const hostName = options.hostName ?? defaultHostName()
  const { metrics, clock } = kube
  const stores = createStores({ servers: serversOn(hostName) }, { kube, log })
  const { api: servers, informer } = stores.servers
  const channels = new Channels()
  const self = createInformer(kube.resource(resourceDefOf(hypervisor)), {
    fieldSelector: `metadata.name=${hostName}`,
    log,
    metrics,
    clock,
  })
  const newest = new LatestObjects<Server>()
  const facts: KnownFacts = { known: undefined, first: Promise.withResolvers() }
  const libvirt: LibvirtState = { away: false, firstAway: Promise.withResolvers() }
  return {
    kube,
    options,
    log,
    hostName,
    stores,
    servers,
    informer,
    self,
    newest,
    channels,
    facts,
    libvirt,
    beat: { current: undefined },
    registered: { owner: undefined },
  }
}

interface LocalComponents extends ClusterComponents {
  domains: DomainClient
  storage: HostStorage
  jobs: Jobs
  sealingKey(): Promise<KeyObject>
  network: HostNetwork
}

function newHost({ options, domains, storage, network, jobs, sealingKey, facts }: LocalComponents): LocalHost {
  const { stateDir: dataDir, runDir } = options
  return newLibvirtHost({
    dataDir,
    runDir,
    client: domains,
    storage,
    network,
    jobs,
    sealingKey,
    facts: () => {
      if (!facts.known) throw new Error('the host’s capabilities are not known yet')
      return facts.known.build
    },
  })
}

function newOrphanCollector({
  hostName,
  options,
  servers,
  informer,
  domains,
  network,
  storage,
  jobs,
  log,
}: LocalComponents): OrphanCollector {
  const { stateDir, runDir, orphanGraceSeconds } = options
  return createOrphanCollector({
    hostName,
    listOwners: () => readOwnerFiles(stateDir, log),
    servers,
    isCached: (uid) => informer.cache.byIndex(serversByUid, uid).length > 0,
    domains,
    async removeFiles(uid) {
      await network.unplug(uid, { signal: neverAborts })
      await removeServerFiles(uid, serverPaths(stateDir, runDir, uid), { cache: storage.cache, jobs })
    },
    graceMs: orphanGraceSeconds * 1000,
    now: () => performance.now(),
    log,
  })
}
