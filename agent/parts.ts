/** The parts of an agent, made once and put together; no part starts anything by being made but the connection to libvirt. */
import { join } from 'node:path'
import { type Hypervisor, hypervisor, type Server, server } from '../crds/index.ts'
import type { Kube } from '../kube/client.ts'
import type { Heartbeat } from '../kube/heartbeat.ts'
import { createInformer, type Informer } from '../kube/informer.ts'
import { handleOf } from '../kube/kinds.ts'
import type { Log } from '../kube/log.ts'
import { Newest } from '../kube/newest.ts'
import { WorkQueue } from '../kube/queue.ts'
import type { Resource } from '../kube/resource.ts'
import { keyOf } from '../kube/types.ts'
import { createDomains, type Domains } from './host/domains.ts'
import { defaultHostName, type Facts } from './host/facts.ts'
import { createLibvirtHost, removeFiles } from './host/libvirt-host.ts'
import { serverPaths } from './host/paths.ts'
import { type HostStorage, openStorage } from './host/storage.ts'
import { createLeftovers, type Leftovers } from './leftovers.ts'
import { openSession, type Session } from './libvirt/index.ts'
import { createHostNetwork, type HostNetwork } from './net/host-network.ts'
import type { AgentOptions } from './options.ts'
import { DomainWatch } from './server/events.ts'
import type { LocalHost } from './server/reconcile.ts'

const BY_UUID = 'uuid'
const BY_UID = 'uid'

/** What libvirt said of the host; `first` resolves when it has for the first time. */
export interface KnownFacts {
  known: Facts | undefined
  first: PromiseWithResolvers<void>
}

export interface Parts {
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
  newest: Newest<Server>
  queue: WorkQueue
  session: Session
  domains: Domains
  watch: DomainWatch
  storage: HostStorage
  network: HostNetwork
  host: LocalHost
  leftovers: Leftovers
  facts: KnownFacts
  /** Undefined until the first one is on its way. */
  beat: { current: Heartbeat | undefined }
}

export const uuidOf = ({ metadata, spec, status }: Server): string =>
  status?.instance?.uuid ?? spec.uuid ?? metadata.uid ?? ''

/** A signal that never aborts: cleaning up is not stopped half-way. */
const never = new AbortController().signal

export async function createParts(kube: Kube, options: AgentOptions, log: Log): Promise<Parts> {
  const hostName = options.hostName ?? defaultHostName()
  const servers = handleOf(kube, server)
  const informer = createInformer(servers, {
    fieldSelector: `status.host=${hostName}`,
    indexes: { [BY_UUID]: (s) => [uuidOf(s)], [BY_UID]: ({ metadata }) => [metadata.uid] },
    log,
    metrics: kube.metrics,
  })
  const self = createInformer(handleOf(kube, hypervisor), {
    fieldSelector: `metadata.name=${hostName}`,
    log,
    metrics: kube.metrics,
  })
  const newest = new Newest<Server>()
  const queue = new WorkQueue({ name: 'servers', metrics: kube.metrics })
  const session = openSession({ uri: options.libvirtUri })
  const domains = createDomains((procedure, args, call) => session.call(procedure, args, call))
  const watch = new DomainWatch((uuid) => {
    for (const { metadata } of informer.cache.byIndex(BY_UUID, uuid)) queue.add(keyOf(metadata))
  })
  const storage = await openStorage(options, log)
  const network = createHostNetwork({ stateDir: join(options.stateDir, 'net'), host: hostName })
  const facts: KnownFacts = { known: undefined, first: Promise.withResolvers() }
  const beat: Parts['beat'] = { current: undefined }
  const base = {
    kube,
    options,
    log,
    hostName,
    servers,
    informer,
    self,
    newest,
    queue,
    session,
    domains,
    watch,
    storage,
    network,
    facts,
    beat,
  }
  return { ...base, host: hostOf(base), leftovers: leftoversOf(base) }
}

type Base = Omit<Parts, 'host' | 'leftovers'>

function hostOf({ options, domains, storage, network, watch, facts }: Base): LocalHost {
  const { stateDir: dataDir, runDir } = options
  return createLibvirtHost({
    dataDir,
    runDir,
    domains,
    storage,
    network,
    facts: () => {
      if (!facts.known) throw new Error('the host’s capabilities are not known yet')
      return facts.known.build
    },
    stateChange: (uuid, signal) => watch.next(uuid, signal),
  })
}

function leftoversOf({ hostName, options, servers, informer, domains, network, storage, log }: Base): Leftovers {
  const { stateDir, runDir, orphanGraceSeconds } = options
  return createLeftovers({
    hostName,
    stateDir,
    servers,
    known: (uid) => informer.cache.byIndex(BY_UID, uid).length > 0,
    domains,
    async clean(uid) {
      await network.unplug(uid, { signal: never })
      await removeFiles(uid, serverPaths(stateDir, runDir, uid), storage)
    },
    graceMs: orphanGraceSeconds * 1000,
    now: () => performance.now(),
    log,
  })
}
