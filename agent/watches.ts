/** Starts the watches of an agent: its Servers, its Hypervisor, events of libvirt, the connection to libvirt. */
import { findCondition, type Hypervisor, hypervisor, type Reason, resourceDefOf } from '../crds/index.ts'
import { backoffMs } from '../kube/clock.ts'
import { retryUntilAvailable } from '../kube/retry-until-available.ts'
import { keyOf } from '../kube/types.ts'
import { followLibvirt } from './absence.ts'
import { type AgentComponents, enqueueAllServers } from './components.ts'
import { away, connected, learnedBefore, ownerOf, register, report } from './hypervisor.ts'
import { domainEvents } from './libvirt/index.ts'
import { domainChanged, type RunningReconciles, uuidOf } from './server/controller.ts'

const { lifecycle, reboot, ioErrorReason, controlError, pmSuspend, pmWakeup } = domainEvents

/** Returns when all watches are registered; their first lists may come later. */
export async function startWatches(
  components: AgentComponents,
  running: RunningReconciles,
  signal: AbortSignal,
): Promise<void> {
  const { informer, self, orphans, session, channels, log } = components
  informer.on({
    updated(old, { metadata }) {
      if (metadata.deletionTimestamp && !old.metadata.deletionTimestamp)
        running.get(keyOf(metadata))?.abort(new Error('the server is to be deleted'))
    },
    deleted(last) {
      const { namespace = '', name, uid = '' } = last.metadata
      orphans
        .collectDeleted({ namespace, name, uid }, uuidOf(last))
        .catch((err: unknown) => log.warn({ err, server: keyOf(last.metadata) }, 'orphans stay until the next sweep'))
    },
  })
  for (const event of [lifecycle, reboot, ioErrorReason, controlError, pmSuspend, pmWakeup])
    await session.on(event, ({ dom }) => channels.notify(domainChanged, dom.uuid))
  followLibvirt(components, {
    // Events may have been missed, and libvirtd may have another version than before.
    onBack: () => probeFactsUntilKnown(components, signal),
    onAway: () => void reportLibvirtLoss(components, signal),
    signal,
  })
  // The controller marked us down while we were disconnected; write Ready again.
  const correct = (host: Hypervisor): void => {
    const ready = findCondition(host.status?.conditions, 'Ready')
    if (host.status?.state === 'up' && ready?.reason !== readyReason(components))
      void retryUpdateHypervisorStatus(components, signal)
  }
  self.on({
    // The first list may show already that the controller marked us down.
    added: correct,
    updated: (_, host) => correct(host),
    // A user deleted the Hypervisor. While its agent runs, the host is there.
    deleted: () => void registerAgain(components, signal),
  })
  self.start(signal)
  informer.start(signal)
}

/** Creates this host's Hypervisor if there is none, and remembers it as the owner of what belongs to the host. */
export async function registerHypervisor({ kube, hostName, registered }: AgentComponents): Promise<void> {
  registered.owner = ownerOf(await register(kube.resource(resourceDefOf(hypervisor)), hostName))
}

async function registerAgain(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { kube, hostName, log } = components
  log.warn({ host: hostName }, 'the Hypervisor of this host was deleted, the agent creates it again')
  const again = async (): Promise<void> => {
    await registerHypervisor(components)
    await updateHypervisorStatus(components)
  }
  // If that is aborted or refused, the next start of the agent does it.
  await retryUntilAvailable(again, { clock: kube.clock, log, signal }).catch((err: unknown) =>
    log.error({ err }, 'the Hypervisor of this host was not created'),
  )
}

/** Without the facts nothing can be built: probes until that works, or until there is another connection. */
async function probeFactsUntilKnown(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { session, kube, log } = components
  const { generation } = session
  for (let failures = 1; session.generation === generation && !signal.aborted; failures++) {
    try {
      await probeFacts(components)
      return
    } catch (err) {
      log.error({ err }, 'the host’s capabilities could not be read, will be tried again')
    }
    await kube.clock.sleep(backoffMs(failures, 500, 30_000), signal).catch(() => undefined) // aborted: the loop ends
  }
}

/** Reports a lasting loss of libvirt: first on the Hypervisor, so that Servers which are rejected now are not placed here again; then on the Servers. */
async function reportLibvirtLoss(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { log, options } = components
  log.error({ uri: options.libvirtUri }, 'libvirt does not answer; the agent tries to connect again and again')
  await retryUpdateHypervisorStatus(components, signal)
  enqueueAllServers(components)
}

const readyReason = ({ libvirt, facts }: AgentComponents): Reason | undefined =>
  libvirt.away ? away.reason : facts.known && connected.reason

/** Retries until the status is written. If that is aborted or refused, nothing writes it before the next start. */
function retryUpdateHypervisorStatus(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { kube, log } = components
  return retryUntilAvailable(() => updateHypervisorStatus(components), { clock: kube.clock, log, signal }).catch(
    (err: unknown) => log.warn({ err }, 'the status of the Hypervisor was not written'),
  )
}

/** Writes what is known of the host into its Hypervisor. While libvirt is away, the facts that the last run of the agent wrote stay. */
async function updateHypervisorStatus({ kube, hostName, facts, libvirt }: AgentComponents): Promise<void> {
  if (!facts.known && !libvirt.away) return
  const describe = (seen: Hypervisor) => ({
    facts: facts.known?.status ?? learnedBefore(seen),
    link: libvirt.away ? away : connected,
  })
  await report(kube.resource(resourceDefOf(hypervisor)), hostName, describe, kube.clock.wall().toISOString())
}

async function probeFacts(components: AgentComponents): Promise<void> {
  const { facts } = components
  facts.known = await components.probeFacts()
  facts.first.resolve()
  await updateHypervisorStatus(components)
  enqueueAllServers(components)
}
