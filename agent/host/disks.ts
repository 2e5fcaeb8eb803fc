import { rm } from 'node:fs/promises'
import type { Disks, Guest } from '../../actions/host/index.ts'
import { Transient } from '../../crds/index.ts'
import { removeLogs } from '../console/rotate.ts'
import { createDisks, type Disks as DiskFiles, deleteServerDirectory, readDisks } from '../image/disks.ts'
import type { SpaceCheck } from '../image/free-space.ts'
import { writeOwnerFile } from '../orphans.ts'
import type { DomainDefinition } from './domain-client.ts'
import { ensureImage, type ImageAccess, imageJobKey, rescueJobKey, rescuePinOwnerOf } from './images.ts'
import type { JobContext, Jobs } from './jobs.ts'
import { type LocatedDisks, locateDisks } from './located-disks.ts'
import { type PathsOf, type ServerPaths, uidOf } from './paths.ts'

export interface DisksOptions extends ImageAccess {
  hasSpace: SpaceCheck
  root: 'copy' | 'overlay'
  jobs: Jobs
  pathsOf: PathsOf
}

const diskJobKey = (uid: string): string => `disks ${uid}`

export const newDisks = (options: DisksOptions): Disks => ({
  create: (guest) =>
    options.jobs.poll(diskJobKey(uidOf(guest)), guest.instance.uuid, (job) =>
      createDisksUnlessPresent(guest, job, options),
    ),
  delete: (guest) => removeServerFiles(uidOf(guest), options.pathsOf(guest), options),
})

async function createDisksUnlessPresent(guest: Guest, job: JobContext, options: DisksOptions): Promise<void> {
  const { hasSpace, root, pathsOf } = options
  const { dir } = pathsOf(guest)
  if (await readDisks(dir)) return
  const { metadata, status } = guest.server
  // The Server has run, so the missing disks held its data. New, empty disks would hide the loss.
  if (status?.launchedAt !== undefined) throw disksMissingError(dir)
  const { namespace = '', name, uid = '' } = metadata
  await writeOwnerFile(dir, { namespace, name, uid })
  const base = await ensureImage(options, { guest, image: guest.instance.image, pin: uid }, job)
  await createDisks({ directory: dir, instance: guest.instance, base, root, hasSpace, signal: job.signal })
}

/** @throws a Transient error (retried) with the code DiskMissing if a disk is missing */
export async function requireDisks({ dir }: ServerPaths): Promise<DiskFiles> {
  const disks = await readDisks(dir)
  if (!disks) throw disksMissingError(dir)
  return disks
}

/**
 * Finds the files that the Server's disks are in now.
 * @throws a Transient error (retried) with the code DiskMissing, DiskUnusable or DiskLayersConflict (see locateDisks)
 */
export async function requireLocatedDisks(
  paths: ServerPaths,
  definition: DomainDefinition | undefined,
  diskDirs: readonly string[],
): Promise<LocatedDisks> {
  const located = await locateDisks(paths, definition, diskDirs)
  if (!located) throw disksMissingError(paths.dir)
  return located
}

const disksMissingError = (dir: string): Transient =>
  new Transient(
    'DiskMissing',
    `not all disks of the server are in ${dir}: bring them back (is the file system mounted?)`,
  )

/**
 * Cancels the background jobs that write files of a Server, then removes the files. Also called for Servers that were
 * deleted or moved to another host while the agent was down (orphans).
 */
export async function removeServerFiles(
  uid: string,
  paths: ServerPaths,
  { cache, jobs }: Pick<DisksOptions, 'cache' | 'jobs'>,
): Promise<void> {
  for (const job of [imageJobKey(uid), diskJobKey(uid), rescueJobKey(uid)]) await jobs.cancel(job)
  await deleteServerDirectory(paths.dir)
  for (const pin of [uid, rescuePinOwnerOf(uid)]) await cache.unpin(pin)
  await removeLogs(paths.consoleLog)
  await rm(paths.vnc, { force: true })
  await rm(paths.dir, { recursive: true, force: true })
}
