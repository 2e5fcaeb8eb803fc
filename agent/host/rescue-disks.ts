import { rm } from 'node:fs/promises'
import type { Guest, RescueDisks, RescueSystem } from '../../actions/host/index.ts'
import { Transient } from '../../crds/index.ts'
import { createRescueDisk, deleteRescueDisk, type RescueDisk, readRescueDisk } from '../image/rescue-disk.ts'
import { type DisksOptions, requireDisks } from './disks.ts'
import { ensureImage, rescueJobKey, rescuePinOwnerOf } from './images.ts'
import type { JobContext } from './jobs.ts'
import { type ServerPaths, uidOf } from './paths.ts'

export const newRescueDisks = (options: DisksOptions): RescueDisks => ({
  create: (guest, system) =>
    options.jobs.poll(rescueJobKey(uidOf(guest)), guest.instance.uuid, (job) =>
      createMissingRescueDisk(guest, system, job, options),
    ),
  async delete(guest) {
    await options.jobs.cancel(rescueJobKey(uidOf(guest)))
    await removeRescueFiles(guest, options)
  },
})

async function createMissingRescueDisk(
  guest: Guest,
  system: RescueSystem,
  job: JobContext,
  options: DisksOptions,
): Promise<void> {
  const { hasSpace, root, pathsOf } = options
  const { dir: directory } = pathsOf(guest)
  // If the files of the Server's disks were deleted, only the running QEMU still has the data. So fail before the
  // domain is powered off.
  await requireDisks(pathsOf(guest))
  if ((await readRescueDisk(directory))?.system.requestId === system.requestId) return
  await removeRescueFiles(guest, options)
  const base = await ensureImage(options, { guest, image: system.image, pin: rescuePinOwnerOf(uidOf(guest)) }, job)
  await createRescueDisk(system, { directory, base, root, hasSpace, signal: job.signal })
}

async function removeRescueFiles(guest: Guest, { cache, pathsOf }: DisksOptions): Promise<void> {
  const { dir, rescueNvram } = pathsOf(guest)
  await deleteRescueDisk(dir)
  await rm(rescueNvram, { force: true })
  await cache.unpin(rescuePinOwnerOf(uidOf(guest)))
}

/**
 * Returns undefined if the Server is not in mode rescued.
 * @throws a Transient error (retried) with the code DiskMissing if the Server is in mode rescued and the disk is
 * missing
 */
export async function requireRescueDisk({ mode }: Guest, { dir }: ServerPaths): Promise<RescueDisk | undefined> {
  if (mode !== 'rescued') return undefined
  const found = await readRescueDisk(dir)
  if (!found)
    throw new Transient(
      'DiskMissing',
      `the rescue disk is not in ${dir}: bring it back, or end the rescue with a ServerAction with action: unrescue`,
    )
  return found
}
