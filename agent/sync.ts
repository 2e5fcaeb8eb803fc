/** Now and then everything is compared anew: network, leftovers, console logs, image cache, each server. Events are a help, not the truth. */
import type { Server } from '../crds/index.ts'
import { startInterval } from '../kube/clock.ts'
import { hostedGuest } from './host/domain-input.ts'
import type { HostedGuest } from './net/types.ts'
import { type Parts, queueAll, serversByUid } from './parts.ts'

/** Compares once, then every so often until the returned function is called. */
export async function keepInSync(parts: Parts, signal: AbortSignal): Promise<() => void> {
  await sync(parts, signal)
  const { kube, options } = parts
  return startInterval(kube.clock, options.syncSeconds * 1000, () => void sync(parts, signal))
}

async function sync(parts: Parts, signal: AbortSignal): Promise<void> {
  const { log, libvirt } = parts
  for (const [what, work] of Object.entries(tasks)) {
    if (libvirt.away && ofDomains.has(what)) continue
    try {
      await work(parts, signal)
    } catch (err) {
      if (signal.aborted) return
      log.warn({ err, what }, 'could not be compared, will be tried again')
    }
  }
  queueAll(parts)
}

/** It was made, and is not to be deleted. */
const isWhole = ({ metadata, status }: Server): boolean =>
  status?.launchedAt !== undefined && metadata.deletionTimestamp === undefined

/**
 * Whose network is compared, and which guests are left untouched. Pure.
 * @param present uids of all servers whose domain is on this host
 */
export function networked(
  servers: readonly Server[],
  present: ReadonlySet<string>,
): { guests: HostedGuest[]; leaveUntouched: ReadonlySet<string> } {
  const guests = servers.flatMap((server) => {
    const { instance } = server.status ?? {}
    return instance && isWhole(server) ? [hostedGuest({ server, instance })] : []
  })
  // Its creation or its deletion plugs and unplugs: what that took away must not come back by this.
  const unwhole = servers.filter((server) => !isWhole(server)).map(({ metadata }) => metadata.uid ?? '')
  // A guest that still runs, of a server that this host is not to have any more, keeps its filters until it goes.
  return { guests, leaveUntouched: present.union(new Set(unwhole)) }
}

/** What cannot be compared without libvirt: comparing begins with all domains. */
const ofDomains: ReadonlySet<string> = new Set(['network', 'leftovers'])

const tasks: Record<string, (parts: Parts, signal: AbortSignal) => Promise<unknown>> = {
  async network({ informer, network, leftovers, log }, signal) {
    // The list last: it is to be of just before the call.
    const present = await leftovers.present()
    const { guests, leaveUntouched } = networked(informer.cache.list(), present)
    const failed = await network.sync(guests, { signal, leaveUntouched })
    for (const [uid, err] of failed) log.warn({ err, uid }, 'network of a server is not as it should be')
  },
  leftovers: ({ leftovers }) => leftovers.sweep(),
  consoles: ({ informer, rotate }) => rotate(informer.cache.list().map(({ metadata }) => metadata.uid ?? '')),
  images: ({ storage, informer }) => storage.clean((uid) => informer.cache.byIndex(serversByUid, uid).length > 0),
}
