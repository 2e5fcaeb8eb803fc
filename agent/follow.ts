/** What brings a server back to the queue: changes of its object, events of its domain, a new connection to libvirt. */
import { condition, type Hypervisor, hypervisor, type Reason, resourceDefOf } from '../crds/index.ts'
import { backoffMs } from '../kube/clock.ts'
import { retryUntilAvailable } from '../kube/retry-until-available.ts'
import { keyOf } from '../kube/types.ts'
import { followLibvirt } from './absence.ts'
import { away, connected, learnedBefore, ownerOf, register, report } from './hypervisor.ts'
import { domainEvents } from './libvirt/index.ts'
import { type Parts, queueAll, uuidOf } from './parts.ts'

/** What is being done to which server, so that a deletion can end it. */
export type Running = Map<string, Pick<AbortController, 'abort'>>

const { lifecycle, reboot, ioErrorReason, controlError, pmSuspend, pmWakeup } = domainEvents

/** Starts following; returns at once. */
export async function follow(parts: Parts, running: Running, signal: AbortSignal): Promise<void> {
  const { informer, self, queue, leftovers, session, watch, log } = parts
  informer.on({
    added: ({ metadata }, { initial }) => queue.add(keyOf(metadata), { priority: initial ? 'low' : 'normal' }),
    updated(old, { metadata }) {
      if (metadata.deletionTimestamp && !old.metadata.deletionTimestamp)
        running.get(keyOf(metadata))?.abort(new Error('the server is to be deleted'))
      queue.add(keyOf(metadata))
    },
    deleted(last) {
      const { namespace = '', name, uid = '' } = last.metadata
      // A last turn, for what is remembered of it (its newest state that was written) to be forgotten.
      queue.add(keyOf(last.metadata))
      leftovers
        .gone({ namespace, name, uid }, uuidOf(last))
        .catch((err: unknown) => log.warn({ err, server: keyOf(last.metadata) }, 'leftovers stay until the next sweep'))
    },
  })
  for (const event of [lifecycle, reboot, ioErrorReason, controlError, pmSuspend, pmWakeup])
    await session.on(event, ({ dom }) => watch.notify(dom.uuid))
  followLibvirt(parts, {
    // Events may have been missed, and the daemon may be another version than before.
    onBack: () => learnAtLast(parts, signal),
    onAway: () => void tellAway(parts, signal),
    signal,
  })
  // While it was out of sight the controller called it down: it says itself that it is not.
  const answer = (host: Hypervisor): void => {
    const ready = condition(host.status?.conditions, 'Ready')
    if (host.status?.state === 'up' && ready?.reason !== readyReason(parts)) void sayAtLast(parts, signal)
  }
  self.on({
    // The first that is seen of it may be that it is said to be down.
    added: answer,
    updated: (_, host) => answer(host),
    // Somebody deleted it. While its agent lives, so does the host.
    deleted: () => void registerAnew(parts, signal),
  })
  self.start(signal)
  informer.start(signal)
}

/** This host has a Hypervisor, and what is registered is that one. */
export async function registerSelf({ kube, hostName, registered }: Parts): Promise<void> {
  registered.owner = ownerOf(await register(kube.resource(resourceDefOf(hypervisor)), hostName))
}

async function registerAnew(parts: Parts, signal: AbortSignal): Promise<void> {
  const { kube, hostName, log } = parts
  log.warn({ host: hostName }, 'the Hypervisor of this host was deleted, it is registered anew')
  const again = async (): Promise<void> => {
    await registerSelf(parts)
    await say(parts)
  }
  // Aborted, or refused: the next start does it.
  await retryUntilAvailable(again, { clock: kube.clock, log, signal }).catch((err: unknown) =>
    log.error({ err }, 'not registered'),
  )
}

/** Without the facts nothing can be built: tried until it works, or until the connection is another. */
async function learnAtLast(parts: Parts, signal: AbortSignal): Promise<void> {
  const { session, kube, log } = parts
  const { generation } = session
  for (let failures = 1; session.generation === generation && !signal.aborted; failures++) {
    try {
      await learn(parts)
      return
    } catch (err) {
      log.error({ err }, 'the host’s capabilities could not be learned, will be tried again')
    }
    await kube.clock.sleep(backoffMs(failures, 500, 30_000), signal).catch(() => undefined) // aborted: the loop ends
  }
}

/** The host says so, and then those that wait for something: what they refuse is not to come back to it. */
async function tellAway(parts: Parts, signal: AbortSignal): Promise<void> {
  const { log, options } = parts
  log.error({ uri: options.libvirtUri }, 'libvirt does not answer, it is asked again and again')
  await sayAtLast(parts, signal)
  queueAll(parts)
}

const readyReason = ({ libvirt, facts }: Parts): Reason | undefined =>
  libvirt.away ? away.reason : facts.known && connected.reason

/** Said until it is written. Aborted, or refused: nothing else would have it said again before the next start. */
function sayAtLast(parts: Parts, signal: AbortSignal): Promise<void> {
  const { kube, log } = parts
  return retryUntilAvailable(() => say(parts), { clock: kube.clock, log, signal }).catch((err: unknown) =>
    log.warn({ err }, 'the host’s state was not written'),
  )
}

/** What is known of the host, into its Hypervisor; what another life has learned of it stands as long as libvirt is away. */
async function say({ kube, hostName, facts, libvirt }: Parts): Promise<void> {
  if (!facts.known && !libvirt.away) return
  const describe = (seen: Hypervisor) => ({
    facts: facts.known?.status ?? learnedBefore(seen),
    link: libvirt.away ? away : connected,
  })
  await report(kube.resource(resourceDefOf(hypervisor)), hostName, describe, kube.clock.wall().toISOString())
}

async function learn(parts: Parts): Promise<void> {
  const { facts } = parts
  facts.known = await parts.learn()
  facts.first.resolve()
  await say(parts)
  queueAll(parts)
}
