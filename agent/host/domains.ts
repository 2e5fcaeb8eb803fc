/** The capability Domains on libvirt. */
import { chmod, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Domains, Guest, ObservedDomain } from '../../actions/host/index.ts'
import { buildDomain } from '../domain/build.ts'
import type { HostFacts } from '../domain/input.ts'
import { requireDisks } from './disks.ts'
import type { DomainClient, OwnedDomains } from './domain-client.ts'
import { toDomainInput } from './domain-input.ts'
import type { Jobs } from './jobs.ts'
import { type PathsOf, type ServerPaths, uidOf } from './paths.ts'
import { ShutdownRequests } from './shutdown-requests.ts'

export interface DomainsOptions {
  client: DomainClient
  jobs: Jobs
  pathsOf: PathsOf
  /** @throws until libvirtd has described the host */
  facts(): HostFacts
}

const saveJob = (uid: string): string => `save ${uid}`

/** How often a managed save that another process started is looked at, should libvirt's event get lost. */
const CHECK_MS = 5000

export function newDomains({ client, jobs, pathsOf, facts }: DomainsOptions): Domains {
  const owned = (guest: Guest): OwnedDomains => client.of(uidOf(guest))
  const observe = (guest: Guest): Promise<ObservedDomain> => owned(guest).observe(guest.instance.uuid)
  const requests = new ShutdownRequests()
  return {
    async define(guest, bootId) {
      const paths = pathsOf(guest)
      await prepareDirectories(paths)
      const disks = await requireDisks(paths)
      const xml = buildDomain(toDomainInput(guest, bootId, { host: facts(), paths, disks }))
      await owned(guest).define(guest.instance.uuid, xml)
    },
    start(guest, { signal }) {
      requests.forget(uidOf(guest))
      return owned(guest).start(guest.instance.uuid, signal)
    },
    async requestShutdown(guest) {
      const { uuid } = guest.instance
      await owned(guest).removeManagedSave(uuid)
      requests.send(uidOf(guest), () => owned(guest).shutDown(uuid))
    },
    async destroy(guest) {
      await owned(guest).destroy(guest.instance.uuid)
      await jobs.cancel(saveJob(uidOf(guest)))
    },
    pause: (guest) => owned(guest).pause(guest.instance.uuid),
    unpause: (guest) => owned(guest).unpause(guest.instance.uuid),
    async save(guest) {
      const { power, reason } = await observe(guest)
      if (power === 'saved') return { done: true }
      const job = saveJob(uidOf(guest))
      // The agent that started the save has died; libvirtd goes on with it.
      const isSaving = power === 'paused' && reason === 'saving'
      if (isSaving && !jobs.isRunning(job)) return { done: false, checkAfterMs: CHECK_MS }
      return jobs.poll(job, guest.instance.uuid, ({ signal }) => owned(guest).save(guest.instance.uuid, signal))
    },
    injectNmi: (guest, requestId) => owned(guest).injectNmi(guest.instance.uuid, requestId),
    undefine: (guest) => owned(guest).undefine(guest.instance.uuid),
    observe,
    runningBootId: async (guest) => (await observe(guest)).bootId,
  }
}

/**
 * Makes the directories that QEMU needs. It may run as another user: it must be able to enter the Server's directory,
 * not to list it; and it must create its socket in the shared directory without being able to remove those of others.
 */
async function prepareDirectories({ dir, vnc }: ServerPaths): Promise<void> {
  for (const [path, mode] of [
    [dir, 0o711],
    [dirname(vnc), 0o1733],
  ] as const) {
    await mkdir(path, { recursive: true })
    await chmod(path, mode)
  }
}
