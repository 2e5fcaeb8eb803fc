/** Implements the host capability Domains with libvirt. */

import { chmod, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Domains, Guest, ObservedDomain } from '../../actions/host/index.ts'
import { domainNameOf } from '../../crds/index.ts'
import { buildDomain } from '../domain/build.ts'
import type { HostFacts } from '../domain/input.ts'
import { requireLocatedDisks } from './disks.ts'
import type { DomainClient, OwnedDomains } from './domain-client.ts'
import { toDomainInput } from './domain-input.ts'
import type { Jobs } from './jobs.ts'
import { recordLocations } from './located-disks.ts'
import { type PathsOf, type ServerPaths, uidOf } from './paths.ts'
import { requireRescueDisk } from './rescue-disks.ts'
import { ShutdownRequests } from './shutdown-requests.ts'

export interface DomainsOptions {
  client: DomainClient
  jobs: Jobs
  pathsOf: PathsOf
  /** Throws until libvirtd has described the host. */
  facts(): HostFacts
  /** Directories in which disks of servers may be, in addition to the servers' own directories. */
  diskDirs: readonly string[]
}

/** The name of a new domain. Later somebody may rename the domain. */
const newNameOf = (guest: Guest): string => domainNameOf({ name: guest.server.metadata.name, uid: uidOf(guest) })

const startJobKey = (uid: string): string => `start ${uid}`
const saveJobKey = (uid: string): string => `save ${uid}`

/**
 * Milliseconds between two checks of a managed save that the agent began before it was restarted. Usually a libvirt
 * event reports the end of the save; the checks help if that event gets lost.
 */
const CHECK_MS = 5000

export function newDomains({ client, jobs, pathsOf, facts, diskDirs }: DomainsOptions): Domains {
  const domainsOf = (guest: Guest): OwnedDomains => client.of(uidOf(guest))
  const observePower = (guest: Guest): Promise<ObservedDomain> => domainsOf(guest).observe(guest.instance.uuid)
  const observe = (guest: Guest): Promise<ObservedDomain> => observeDomain(guest, domainsOf(guest), pathsOf(guest))
  const shutdownRequests = new ShutdownRequests()
  const buildXml = async (guest: Guest, bootId: string): Promise<string> => {
    const paths = pathsOf(guest)
    const definition = await domainsOf(guest).readDefinition(guest.instance.uuid)
    const disks = await requireLocatedDisks(paths, definition, diskDirs)
    // While status.mode is not rescued, this rescue has not succeeded yet, so a rescue disk in the definition may come
    // from an earlier rescue that failed.
    if (guest.server.status?.mode !== 'rescued') delete disks.rescue
    const rescueDisk = await requireRescueDisk(guest, paths)
    const resources = { host: facts(), paths, disks, ...(rescueDisk ? { rescueDisk } : {}) }
    const domainName = definition?.name
    return buildDomain(toDomainInput(guest, bootId, { ...resources, ...(domainName ? { domainName } : {}) }))
  }
  return {
    async define(guest, bootId) {
      await prepareDirectories(pathsOf(guest))
      await domainsOf(guest).define(guest.instance.uuid, await buildXml(guest, bootId))
    },
    async checkDefinition(guest) {
      await buildXml(guest, 'not used')
    },
    start(guest) {
      const { uuid } = guest.instance
      shutdownRequests.forget(uidOf(guest))
      return jobs.poll(startJobKey(uidOf(guest)), uuid, ({ signal }) => domainsOf(guest).start(uuid, signal))
    },
    async requestShutdown(guest) {
      const { uuid } = guest.instance
      await domainsOf(guest).removeManagedSave(uuid)
      shutdownRequests.send(uidOf(guest), () => domainsOf(guest).shutDown(uuid))
    },
    async destroy(guest) {
      // Cancel a start that is under way. Otherwise libvirtd could receive the start after the destroy, and the domain
      // would run again.
      await jobs.cancel(startJobKey(uidOf(guest)))
      await domainsOf(guest).destroy(guest.instance.uuid)
      await jobs.cancel(saveJobKey(uidOf(guest)))
    },
    pause: (guest) => domainsOf(guest).pause(guest.instance.uuid),
    unpause: (guest) => domainsOf(guest).unpause(guest.instance.uuid),
    async save(guest) {
      const { power, reason } = await observePower(guest)
      if (power === 'saved') return { done: true }
      const job = saveJobKey(uidOf(guest))
      // A save that is under way without a job was started by an earlier process of the agent, and libvirtd continues
      // it.
      const isSaving = power === 'paused' && reason === 'saving'
      if (isSaving && !jobs.isRunning(job)) return { done: false, checkAfterMs: CHECK_MS }
      return jobs.poll(job, guest.instance.uuid, ({ signal }) => domainsOf(guest).save(guest.instance.uuid, signal))
    },
    injectNmi: (guest, requestId) => domainsOf(guest).injectNmi(guest.instance.uuid, requestId),
    undefine: (guest) => domainsOf(guest).undefine(guest.instance.uuid),
    observe,
    runningBootId: async (guest) => (await observePower(guest)).bootId,
  }
}

/** Also records in disks.json where the domain's disks are. */
async function observeDomain(guest: Guest, domains: OwnedDomains, paths: ServerPaths): Promise<ObservedDomain> {
  const { uuid } = guest.instance
  const observed = await domains.observe(uuid)
  if (observed.power === 'missing') return observed
  const definition = await domains.readDefinition(uuid)
  if (!definition) return observed
  await recordLocations(paths, definition)
  const { name } = definition
  return name === newNameOf(guest) ? observed : { ...observed, name }
}

/**
 * QEMU's user must be able to enter the Server's directory, but not to list it. In the directory of VNC sockets, which
 * all Servers share, it must be able to create its socket, but not to remove those of others.
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
