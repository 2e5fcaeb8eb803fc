/**
 * The disk of a rescue system: disk.rescue (Nova's name) in the server's directory. rescue.json, written after the disk
 * is complete, names the image and the ServerAction for which the disk was made.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RescueSystem } from '../../actions/host/index.ts'
import { removeTemporaryFiles, writeFileAtomically } from '../files/atomic-files.ts'
import { ignoreNotFound, pathExists } from '../files/errors.ts'
import type { Base } from './base-store.ts'
import { createRootDisk, type Disk, newRootLayout, type RootDiskOptions, rootDiskSizeOf } from './disks.ts'

export interface RescueDisk {
  disk: Disk
  system: RescueSystem
}

interface RescueRecord extends RescueSystem {
  format: Disk['format']
  backing?: Pick<Base, 'path' | 'format'>
}

const diskPath = (directory: string): string => join(directory, 'disk.rescue')
const recordPath = (directory: string): string => join(directory, 'rescue.json')

/** The caller must first delete a rescue disk from an earlier request or try. */
export async function createRescueDisk(system: RescueSystem, options: RootDiskOptions): Promise<void> {
  const { directory, base } = options
  await removeTemporaryFiles(directory, (name) => name.startsWith('disk.rescue') || name.startsWith('rescue.json'))
  const { root: format, backing } = newRootLayout(options)
  await createRootDisk(diskPath(directory), rootDiskSizeOf(0, base.virtualSize), options)
  const record: RescueRecord = { ...system, format, ...(backing && { backing }) }
  await writeFileAtomically(recordPath(directory), JSON.stringify(record), 0o644)
}

/** Returns undefined if there is no rescue disk or it is incomplete. */
export async function readRescueDisk(directory: string): Promise<RescueDisk | undefined> {
  const text = await readFile(recordPath(directory), 'utf8').catch(ignoreNotFound)
  const path = diskPath(directory)
  if (text === undefined || !(await pathExists(path))) return undefined
  const { format, backing, ...system } = JSON.parse(text) as RescueRecord
  return { disk: { path, format, ...(backing && { backing }) }, system }
}

export async function deleteRescueDisk(directory: string): Promise<void> {
  for (const path of [recordPath(directory), diskPath(directory)]) await rm(path, { force: true })
}
