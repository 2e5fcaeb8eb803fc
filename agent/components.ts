/** Creates and connects the components of an agent. Opens the connection to libvirt, but starts nothing else. */
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import {
  type AnyError,
  type Hypervisor,
  hostSecret,
  hypervisor,
  resourceDefOf,
  type Server,
  version,
} from '../crds/index.ts'
import { parseAddress } from '../kube/address.ts'
import { Channels } from '../kube/channel.ts'
import type { Kube } from '../kube/client.ts'
import type { Page } from '../kube/health-server.ts'
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
import { defaultHostName, type Facts, firstExternalAddress, readHostFacts } from './host/facts.ts'
import { Jobs } from './host/jobs.ts'
import { newLibvirtHost } from './host/libvirt-host.ts'
import { serverPathsOf } from './host/paths.ts'
import { readStatistics } from './host/statistics.ts'
import { type HostStorage, openStorage } from './host/storage.ts'
import { type Identity, lockStateDirectory, type StateDirectoryLock } from './identity.ts'
import { parseDiskDirs } from './image/disk-places.ts'
import { type CallFunction, openSession, type Session } from './libvirt/index.ts'
import { recordLibvirtCalls } from './metrics.ts'
import { createHostNetwork, type HostNetwork } from './net/host-network.ts'
import type { AgentOptions } from './options.ts'
import { createOrphanCollector, type OrphanCollector, readOwnerFiles } from './orphans.ts'
import { createQuestionPage, shimTokenChecker } from './questions.ts'
import { lazySealingKey, publicSealingKey } from './sealing-key.ts'
import { domainChanged, resyncDue, serversByUid, serversOn, uuidOf } from './server/controller.ts'
import type { LocalHost } from './server/deps.ts'

/**
 * `known` is undefined until libvirt, QEMU and the kernel first report the facts of the host (host/facts.ts). `first`
 * resolves at that report.
 */
export interface FactsState {
  known: Facts | undefined
  /** Why the last attempts to read the facts have failed; undefined after a success. */
  failure: AnyError | undefined
  first: PromiseWithResolvers<void>
}

export interface LibvirtState {
  /** Whether libvirt has been unreachable for longer than a restart of libvirtd takes. */
  away: boolean
  firstAway: PromiseWithResolvers<void>
}

/** The components that talk to the API server: the same on a real and on a simulated host. */
export interface ClusterComponents {
  kube: Kube
  options: AgentOptions
  log: Log
  hostName: string
  stores: { servers: Store<Server> }
  /** The API client that `stores.servers` uses. */
  servers: Resource<Server>
  /** The informer of `stores.servers`. */
  informer: Informer<Server>
  /** Watches this host's Hypervisor only. */
  ownHypervisor: Informer<Hypervisor>
  latestServers: LatestObjects<Server>
  channels: Channels
  facts: FactsState
  libvirt: LibvirtState
  /** `current` is undefined until the heartbeat is started. */
  heartbeat: { current: Heartbeat | undefined }
  /** The owner reference to this host's Hypervisor. Undefined until the Hypervisor is registered. */
  registered: { owner: OwnerReference | undefined }
}

/** A simulated host replaces all of these components. */
export interface HostComponents {
  session: LibvirtSession
  /** Asks libvirt what the host can do. */
  probeFacts(): Promise<Facts>
  storage: Pick<HostStorage, 'removeUnused'> & AsyncDisposable
  network: Pick<HostNetwork, 'sync'> & AsyncDisposable
  host: LocalHost
  orphans: OrphanCollector
  /**
   * Waits for the lock of the state directory.
   * @throws Refused if the directory belongs to another cluster or host
   */
  lockHost(identity: Identity, signal: AbortSignal): Promise<StateDirectoryLock>
  rotateConsoleLogs(uids: readonly string[]): Promise<void>
  /** Absent on a simulated host. */
  answerQuestion?: Page
  exposeMetrics(): () => void
}

export type LibvirtSession = Pick<Session, 'generation' | 'connection' | 'connected' | 'failure' | 'on' | 'onResync'> &
  AsyncDisposable

export type AgentComponents = ClusterComponents & HostComponents

export const enqueueAllServers = ({ channels }: Pick<ClusterComponents, 'channels'>): void =>
  channels.notify(resyncDue, undefined)

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
  const components = { ...cluster, domains, storage, network, jobs, sealingKey }
  return {
    ...cluster,
    session,
    async probeFacts() {
      const hostIP = hostIp ?? firstExternalAddress()
      const facts = await readHostFacts(call, { domainType, dataDir: stateDir, hostIP, agentVersion: version, log })
      const sealing = { sealingKey: publicSealingKey(await sealingKey()) }
      return { ...facts, status: { ...facts.status, ...sealing, ...agentPortOf(options) } }
    },
    storage,
    network,
    host: newLocalHost(components),
    orphans: newOrphanCollector(components),
    lockHost: (identity, signal) => lockStateDirectory(stateDir, identity, signal),
    rotateConsoleLogs(uids) {
      const logs = uids.map((uid) => serverPathsOf(stateDir, options.runDir, uid).consoleLog)
      return rotateLogs(logs, options)
    },
    exposeMetrics: () => recordLibvirtCalls(kube.metrics),
    answerQuestion: newQuestionPage(components, call),
  }
}

export function createClusterComponents(kube: Kube, options: AgentOptions, log: Log): ClusterComponents {
  const hostName = options.hostName ?? defaultHostName()
  const { metrics, clock } = kube
  const stores = createStores({ servers: serversOn(hostName) }, { kube, log })
  const { api: servers, informer } = stores.servers
  const channels = new Channels()
  const ownHypervisor = createInformer(kube.resource(resourceDefOf(hypervisor)), {
    fieldSelector: `metadata.name=${hostName}`,
    log,
    metrics,
    clock,
  })
  const latestServers = new LatestObjects<Server>()
  const facts: FactsState = { known: undefined, failure: undefined, first: Promise.withResolvers() }
  const libvirt: LibvirtState = { away: false, firstAway: Promise.withResolvers() }
  return {
    kube,
    options,
    log,
    hostName,
    stores,
    servers,
    informer,
    ownHypervisor,
    latestServers,
    channels,
    facts,
    libvirt,
    heartbeat: { current: undefined },
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

/**
 * The port on which the agent answers the API shim (questions.ts). Empty if the shim cannot reach it: the address is
 * that of a loopback device, or the port is 0, and the kernel chooses one that is not known here.
 */
function agentPortOf({ metricsAddress }: AgentOptions): { agentPort?: number } {
  const { host, port } = parseAddress(metricsAddress)
  return ['127.0.0.1', '::1', 'localhost'].includes(host) || port === 0 ? {} : { agentPort: port }
}

function newQuestionPage({ kube, hostName, options, informer, sealingKey }: LocalComponents, call: CallFunction): Page {
  const { stateDir, runDir, namespace } = options
  return createQuestionPage({
    now: () => kube.clock.now(),
    wall: () => kube.clock.wall(),
    sealingKey,
    isShim: shimTokenChecker(kube, namespace, hostName),
    findServer(uid) {
      const [server] = informer.cache.byIndex(serversByUid, uid)
      const { consoleLog } = serverPathsOf(stateDir, runDir, uid)
      return server && { uid, uuid: uuidOf(server), consoleLog }
    },
    statisticsOf: (server) => readStatistics(call, server),
  })
}

function newLocalHost(components: LocalComponents): LocalHost {
  const { kube, options, domains, storage, network, jobs, sealingKey, facts } = components
  const { stateDir: dataDir, runDir } = options
  return newLibvirtHost({
    dataDir,
    runDir,
    diskDirs: parseDiskDirs(options.diskDirs),
    client: domains,
    storage,
    network,
    jobs,
    sealingKey,
    hostSecrets: kube.resource(resourceDefOf(hostSecret)),
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
      await removeServerFiles(uid, serverPathsOf(stateDir, runDir, uid), { cache: storage.cache, jobs })
    },
    graceMs: orphanGraceSeconds * 1000,
    now: () => performance.now(),
    log,
  })
}
