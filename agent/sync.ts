/**
 * Events may be missed, so the agent repairs the host's network, removes orphans and unused images, rotates console
 * logs, and enqueues all Servers at an interval.
 */
import type { Server } from '../crds/index.ts'
import { startInterval } from '../kube/clock.ts'
import { type AgentComponents, enqueueAllServers } from './components.ts'
import { toHostedGuest } from './host/domain-input.ts'
import type { HostedGuest } from './net/types.ts'
import { serversByUid } from './server/controller.ts'

/** Runs all tasks once, and then at intervals until the returned function is called. */
export async function startSync(components: AgentComponents, signal: AbortSignal): Promise<() => void> {
  await syncOnce(components, signal)
  const { kube, options } = components
  return startInterval(kube.clock, options.syncSeconds * 1000, () => void syncOnce(components, signal))
}

async function syncOnce(components: AgentComponents, signal: AbortSignal): Promise<void> {
  const { log, libvirt } = components
  for (const [name, run] of Object.entries(tasks)) {
    if (libvirt.away && needsLibvirt.has(name)) continue
    try {
      await run(components, signal)
    } catch (err) {
      if (signal.aborted) return
      log.warn({ err, what: name }, 'could not be compared with the host, will be tried again')
    }
  }
  enqueueAllServers(components)
}

const isLaunchedAndKept = ({ metadata, status }: Server): boolean =>
  status?.launchedAt !== undefined && metadata.deletionTimestamp === undefined

/**
 * Returns the guests whose network the sync sets up, and in `leaveUntouched` the uids of the Servers whose network it
 * must not remove.
 * @param present uids of all Servers with a domain on this host
 */
export function partitionForNetworkSync(
  servers: readonly Server[],
  present: ReadonlySet<string>,
): { guests: HostedGuest[]; leaveUntouched: ReadonlySet<string> } {
  const guests = servers.flatMap((server) => {
    const { instance } = server.status ?? {}
    return instance && isLaunchedAndKept(server) ? [toHostedGuest({ server, instance })] : []
  })
  // While a Server is created or deleted, its action plugs and unplugs the interfaces. The sync could bring back an
  // interface that a deletion has just removed.
  const changing = servers.filter((server) => !isLaunchedAndKept(server)).map(({ metadata }) => metadata.uid ?? '')
  // A guest keeps its filter rules as long as it runs here, even if its Server has moved to another host.
  return { guests, leaveUntouched: present.union(new Set(changing)) }
}

/** These tasks list the domains, so they cannot run while libvirt is away. */
const needsLibvirt: ReadonlySet<string> = new Set(['network', 'orphans'])

const tasks: Record<string, (components: AgentComponents, signal: AbortSignal) => Promise<unknown>> = {
  async network({ informer, network, orphans, log }, signal) {
    // List the domains before the Servers. In the other order, a Server that is created between the two lists could be
    // in neither of them, and the sync would remove its interfaces.
    const present = await orphans.serversWithDomains()
    const { guests, leaveUntouched } = partitionForNetworkSync(informer.cache.list(), present)
    const failed = await network.sync(guests, { signal, leaveUntouched })
    for (const [uid, err] of failed)
      log.warn({ err, uid }, 'the network of a server is not as it should be, and could not be repaired')
  },
  orphans: ({ orphans }) => orphans.sweep(),
  consoles: ({ informer, rotateConsoleLogs }) =>
    rotateConsoleLogs(informer.cache.list().map(({ metadata }) => metadata.uid ?? '')),
  images: ({ storage, informer }) =>
    storage.removeUnused((uid) => informer.cache.byIndex(serversByUid, uid).length > 0),
}
