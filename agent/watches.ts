import {
  explainError,
  findCondition,
  type Hypervisor,
  hypervisor,
  isKubenovaError,
  resourceDefOf,
  type Server,
  Transient,
} from '../crds/index.ts'
import { backoffMs } from '../kube/clock.ts'
import type { Log } from '../kube/log.ts'
import { retryUntilAvailable } from '../kube/retry-until-available.ts'
import { keyOf } from '../kube/types.ts'
import { type AgentComponents, enqueueAllServers } from './components.ts'
import {
  ensureHypervisor,
  hostReadinessOf,
  lastReportedFacts,
  ownerReferenceOf,
  writeHypervisorStatus,
} from './hypervisor.ts'
import { domainEvents } from './libvirt/index.ts'
import { watchLibvirtConnection } from './libvirt-connection.ts'
import type { OrphanCollector } from './orphans.ts'
import { domainChanged, type RunningReconciles, uuidOf } from './server/controller.ts'

const { lifecycle, reboot, ioErrorReason, controlError, pmSuspend, pmWakeup } = domainEvents
const { blockJob, deviceAdded, deviceRemoved } = domainEvents
const observedEvents = [
  lifecycle,
  reboot,
  ioErrorReason,
  controlError,
  pmSuspend,
  pmWakeup,
  blockJob,
  deviceAdded,
  deviceRemoved,
]

/**
 * Resolves when all watches are registered, which may be before their first lists arrive.
 * @param running the reconciles that run now; the reconcile of a Server is aborted if that Server is deleted
 */
export async function startWatches(
  components: AgentComponents,
  running: RunningReconciles,
  signal: AbortSignal,
): Promise<void> {
  const { informer, ownHypervisor, orphans, session, channels, log } = components
  informer.on(newServerHandlers({ running, collectDeleted: orphans.collectDeleted, log }))
  for (const event of observedEvents) await session.on(event, ({ dom }) => channels.notify(domainChanged, dom.uuid))
  watchLibvirtConnection(components, {
    // Events may have been missed, and libvirtd may have another version, so probe the host again and reconcile all
    // Servers.
    onBack: () => probeFactsUntilKnown(components, signal),
    onAway: () => void reportLibvirtLoss(components, signal),
    signal,
  })
  // The controller sets the Hypervisor's Ready condition to False when the agent's heartbeat is overdue. When the host
  // counts as up again, the agent writes its own Ready condition.
  const correctReady = (host: Hypervisor): void => {
    const ready = findCondition(host.status?.conditions, 'Ready')
    if (host.status?.state === 'up' && ready?.reason !== hostReadinessOf(components)?.reason)
      void retryUpdateHypervisorStatus(components, signal)
  }
  ownHypervisor.on({
    // The watch's first list may already have the controller's Ready=False, and then no update follows.
    added(host) {
      correctReady(host)
      logVersionSkew(undefined, host, log)
    },
    updated(old, host) {
      correctReady(host)
      logVersionSkew(old, host, log)
    },
    // A user deleted the Hypervisor, but the host still exists and its agent runs, so create it again.
    deleted: () => void recreateHypervisor(components, signal),
  })
  ownHypervisor.start(signal)
  informer.start(signal)
}

/** Logs what the controller says about this agent's version, once. */
export function logVersionSkew(old: Hypervisor | undefined, now: Hypervisor, log: Log): void {
  const skewIn = (host: Hypervisor | undefined) => findCondition(host?.status?.conditions, 'VersionSkew')
  const skew = skewIn(now)
  if (skew && skew.message !== skewIn(old)?.message) log.error({ reason: skew.reason }, skew.message)
}

interface ServerHandlerOptions extends Pick<OrphanCollector, 'collectDeleted'> {
  running: RunningReconciles
  log: Log
}

export const newServerHandlers = ({ running, collectDeleted, log }: ServerHandlerOptions) => ({
  updated(old: Server, { metadata }: Server): void {
    if (metadata.deletionTimestamp && !old.metadata.deletionTimestamp)
      running.get(keyOf(metadata))?.abort(new Error('the server is to be deleted'))
  },
  deleted(last: Server): void {
    const { namespace = '', name, uid = '' } = last.metadata
    running.get(keyOf(last.metadata))?.abort(new Error('the server is gone, or on another host'))
    collectDeleted({ namespace, name, uid }, uuidOf(last)).catch((err: unknown) =>
      log.warn({ err, server: keyOf(last.metadata) }, 'what is left of the server stays until the next sweep'),
    )
  },
})

/** Creates this host's Hypervisor if there is none, and remembers it as the owner of the agent's Lease. */
export async function registerHypervisor({ kube, hostName, registered }: AgentComponents): Promise<void> {
  registered.owner = ownerReferenceOf(await ensureHypervisor(kube.resource(resourceDefOf(hypervisor)), hostName))
}

async function recreateHypervisor(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { kube, hostName, log } = components
  log.warn({ host: hostName }, 'the Hypervisor of this host was deleted, the agent creates it again')
  const recreate = async (): Promise<void> => {
    await registerHypervisor(components)
    await updateHypervisorStatus(components)
  }
  // If the agent stops or the API server rejects the Hypervisor, only log the error: the agent creates the Hypervisor
  // at its next start.
  await retryUntilAvailable(recreate, { clock: kube.clock, log, signal }).catch((err: unknown) =>
    log.error({ err }, 'the Hypervisor of this host was not created'),
  )
}

/** A failure to read the facts is reported only after so many attempts, because most failures are transient. */
const REPORTED_AFTER = 3

/** Repeats the probe of the host's capabilities until it succeeds, or until the connection to libvirt is replaced. */
export async function probeFactsUntilKnown(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { session, facts, kube, log } = components
  const { generation } = session
  for (let failures = 1; session.generation === generation && !signal.aborted; failures++) {
    try {
      await probeFacts(components)
      return
    } catch (err) {
      log.error({ err }, 'the host’s capabilities could not be read, will be tried again')
      // Each update of the Hypervisor may write its status, and so report the failure.
      if (failures >= REPORTED_AFTER) {
        facts.failure = isKubenovaError(err) ? err : new Transient('Unexpected', explainError(err))
        await retryUpdateHypervisorStatus(components, signal)
      }
    }
    // If the signal aborts, the sleep rejects; the loop's condition then ends the loop.
    await kube.clock.sleep(backoffMs(failures, 500, 30_000), signal).catch(() => undefined)
  }
}

/**
 * Reports a lasting loss of libvirt in the Hypervisor's status, then enqueues all Servers. The order matters: a
 * reconcile may reject a Server, and before the Hypervisor reports the loss, the controller could place it here again.
 */
async function reportLibvirtLoss(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { log, options } = components
  log.error({ uri: options.libvirtUri }, 'libvirt does not answer; the agent tries to connect again and again')
  await retryUpdateHypervisorStatus(components, signal)
  enqueueAllServers(components)
}

/** If the API server rejects the write, that is only logged. */
function retryUpdateHypervisorStatus(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { kube, log } = components
  return retryUntilAvailable(() => updateHypervisorStatus(components), { clock: kube.clock, log, signal }).catch(
    (err: unknown) => log.warn({ err }, 'the status of the Hypervisor was not written'),
  )
}

/** If this process has not read the host's facts yet, the facts in the status stay. */
async function updateHypervisorStatus(components: AgentComponents): Promise<void> {
  const { kube, hostName, facts } = components
  const ready = hostReadinessOf(components)
  if (!ready) return
  const describe = (current: Hypervisor) => ({ facts: facts.known?.status ?? lastReportedFacts(current), ready })
  await writeHypervisorStatus(
    kube.resource(resourceDefOf(hypervisor)),
    hostName,
    describe,
    kube.clock.wall().toISOString(),
  )
}

async function probeFacts(components: AgentComponents): Promise<void> {
  const { facts } = components
  facts.known = await components.probeFacts()
  facts.failure = undefined
  facts.first.resolve()
  await updateHypervisorStatus(components)
  enqueueAllServers(components)
}
