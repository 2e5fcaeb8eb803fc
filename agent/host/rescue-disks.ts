/** The capability RescueDisks: the disk of a server's rescue system, beside the disks of the server. */
import { rm } from 'node:fs/promises'
import type { Guest, RescueDisks, RescueSystem } from '../../actions/host/index.ts'
import { Transient } from '../../crds/index.ts'
import { createRescueDisk, deleteRescueDisk, type RescueDisk, readRescueDisk } from '../image/rescue-disk.ts'
import type { DisksOptions } from './disks.ts'
import { ensureImage, rescuePinOf } from './images.ts'
import type { JobContext } from './jobs.ts'
import { type ServerPaths, uidOf } from './paths.ts'

export const rescueJob = (uid: string): string => `rescue ${uid}`

export const newRescueDisks = (options: DisksOptions): RescueDisks => ({
  create: (guest, system) =>
    options.jobs.poll(rescueJob(uidOf(guest)), guest.instance.uuid, (job) =>
      createMissing(guest, system, job, options),
    ),
  async delete(guest) {
    await options.jobs.cancel(rescueJob(uidOf(guest)))
    await removeRescueFiles(guest, options)
  },
})

async function createMissing(
  guest: Guest,
  system: RescueSystem,
  job: JobContext,
  options: DisksOptions,
): Promise<void> {
  const { cache, hasSpace, root, pathsOf } = options
  const { dir: directory } = pathsOf(guest)
  if ((await readRescueDisk(directory))?.system.requestId === system.requestId) return
  await removeRescueFiles(guest, options)
  const base = await ensureImage(cache, system.image, rescuePinOf(uidOf(guest)), job)
  await createRescueDisk(system, { directory, base, root, hasSpace, signal: job.signal })
}

async function removeRescueFiles(guest: Guest, { cache, pathsOf }: DisksOptions): Promise<void> {
  const { dir, rescueNvram } = pathsOf(guest)
  await deleteRescueDisk(dir)
  await rm(rescueNvram, { force: true })
  await cache.unpin(rescuePinOf(uidOf(guest)))
}

/**
 * The rescue system that the domain is to boot; undefined if the server is not in mode rescued. @throws Transient
 * DiskMissing
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
