/**
 * A server's disks in its own folder, by Nova's names: disk, disk.eph0, disk.swap; disks.json says their formats.
 * Each appears whole or not at all, and what is there is left as it is: the guest's data is on it.
 */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Instance, Terminal, Transient } from '../../crds/index.ts'
import { absent, atomically, codeOf, exists, removeTemporary, writeAtomically } from './files.ts'
import { createOverlay, growDisk } from './qemu-img.ts'
import { type Room, withRoom } from './room.ts'
import type { Base } from './store.ts'

const GiB = 1024 ** 3
const MiB = 1024 ** 2
/** Of a disk: others on the host may enter its directory. */
const OWNERS_ALONE = 0o600

export interface DisksOptions {
  /** The server's folder; made if needed. */
  directory: string
  instance: Pick<Instance, 'flavor' | 'image'>
  base: Base
  /** overlay: a qcow2 backed by the base. copy: a disk of its own, sharing blocks where the file system can. */
  root: 'overlay' | 'copy'
  /** On the file system of the folder. */
  room: Room
  signal: AbortSignal
}

export interface Disk {
  path: string
  format: 'qcow2' | 'raw'
  /** The base, of an overlay. */
  backing?: Pick<Base, 'path' | 'format'>
}

export interface Disks {
  root: Disk
  ephemeral?: Disk
  swap?: Disk
}

/**
 * disks.json: what there is to be, and how to read it. A raw disk's format is never guessed: the guest writes what the guess
 * would be made of.
 */
interface Plan {
  root: 'qcow2' | 'raw'
  backing?: Pick<Base, 'path' | 'format'>
  ephemeral: boolean
  swap: boolean
}

/**
 * The server's disks, made as far as they are missing. May be repeated.
 * Throws Terminal FlavorDiskTooSmall, DiskFailed; Transient DiskFull, ImageCacheBusy.
 */
export async function createDisks(options: DisksOptions): Promise<Disks> {
  const { directory, instance, base, signal } = options
  const { flavor, image } = instance
  const size = rootDiskSize(flavor.disk, base.virtualSize, image.minDisk)
  await mkdir(directory, { recursive: true, mode: 0o711 })
  // The config drive may be in the making beside it.
  await removeTemporary(directory, (name) => !name.startsWith('disk.config'))
  const path = join(directory, 'disk')
  const there = (await exists(path)) ? await readPlan(directory) : undefined
  const { root, backing } = there ?? rootOf(options)
  const plan: Plan = { root, ...(backing && { backing }), ephemeral: flavor.ephemeral > 0, swap: flavor.swap > 0 }
  await writeAtomically(join(directory, 'disks.json'), JSON.stringify(plan), 0o644)
  if (there === undefined) await createRoot(path, size, options)
  if (plan.ephemeral) {
    const format = image.properties?.['os_type'] === 'windows' ? undefined : 'ext4'
    await createPlain(join(directory, 'disk.eph0'), flavor.ephemeral * GiB, ephemeralCommand(format), signal)
  }
  if (plan.swap) await createPlain(join(directory, 'disk.swap'), flavor.swap * MiB, ['mkswap'], signal)
  const disks = await readDisks(directory)
  if (disks === undefined) throw new Transient('DiskFailed', `the disk vanished while it was made`)
  return disks
}

function rootOf({ root, base: { path, format } }: DisksOptions): Pick<Plan, 'root' | 'backing'> {
  return root === 'overlay' ? { root: 'qcow2', backing: { path, format } } : { root: format }
}

/** The disks of a server; undefined if one of them is missing: createDisks then makes it. */
export async function readDisks(directory: string): Promise<Disks | undefined> {
  const plan = await readPlan(directory)
  if (plan === undefined) return undefined
  const path = (name: string) => join(directory, name)
  const names = ['disk', ...(plan.ephemeral ? ['disk.eph0'] : []), ...(plan.swap ? ['disk.swap'] : [])]
  const there = await Promise.all(names.map((name) => exists(path(name))))
  if (there.includes(false)) return undefined
  return {
    root: { path: path('disk'), format: plan.root, ...(plan.backing && { backing: plan.backing }) },
    ...(plan.ephemeral && { ephemeral: { path: path('disk.eph0'), format: 'raw' } }),
    ...(plan.swap && { swap: { path: path('disk.swap'), format: 'raw' } }),
  }
}

async function readPlan(directory: string): Promise<Plan | undefined> {
  const text = await readFile(join(directory, 'disks.json'), 'utf8').catch(absent)
  return text === undefined ? undefined : (JSON.parse(text) as Plan)
}

const DELETED = '.deleted'

/** The server's folder and all in it is gone, at once under its name: half of it would be nobody's. Unpin its owner in the cache after it, not before. */
export async function deleteDisks(directory: string): Promise<void> {
  const dying = `${directory}${DELETED}`
  await rm(dying, { recursive: true, force: true })
  await rename(directory, dying).catch(absent)
  await rm(dying, { recursive: true, force: true })
}

/** What a crash left of deletions below this directory goes. */
export async function finishDeletions(root: string): Promise<void> {
  const names = (await readdir(root).catch(absent)) ?? []
  for (const name of names.filter((n) => n.endsWith(DELETED)))
    await rm(join(root, name), { recursive: true, force: true })
}

/**
 * Bytes of the root disk: the flavor's GiB, or as large as the image for 0; never smaller than the image.
 * Throws Terminal FlavorDiskTooSmall. Pure.
 */
export function rootDiskSize(flavorGiB: number, virtualSize: number, minDiskGiB = 0): number {
  // Whole sectors: an image's length need not be.
  if (flavorGiB === 0) return Math.max(Math.ceil(virtualSize / 512) * 512, minDiskGiB * GiB)
  if (flavorGiB < minDiskGiB) {
    throw new Terminal(
      'FlavorDiskTooSmall',
      `the flavor's disk has ${flavorGiB} GiB, the image asks for ${minDiskGiB} GiB: take a larger flavor`,
    )
  }
  if (flavorGiB * GiB < virtualSize) {
    const needed = Math.ceil(virtualSize / GiB)
    throw new Terminal(
      'FlavorDiskTooSmall',
      `the flavor's disk has ${flavorGiB} GiB, the image's disk ${virtualSize} bytes: take a flavor with ${needed} GiB or more`,
    )
  }
  return flavorGiB * GiB
}

async function createRoot(path: string, size: number, options: DisksOptions): Promise<void> {
  const { base, root, signal } = options
  try {
    await atomically(path, async (target) => {
      if (root === 'copy') return copyBase(target, size, options)
      await createOverlay(target, base, size, signal)
      await chmod(target, OWNERS_ALONE)
      // Nothing was read of it.
      await stat(base.path)
    })
  } catch (cause) {
    signal.throwIfAborted()
    if (await exists(base.path)) throw cause
    throw new Transient('ImageCacheBusy', 'the base of the disk was removed from the cache meanwhile', { cause })
  }
}

async function copyBase(target: string, size: number, { base, room, signal }: DisksOptions): Promise<void> {
  const { path, format, virtualSize } = base
  if (!(await clone(path, target))) {
    const bytes = (await stat(path)).blocks * 512
    await withRoom(room, { bytes, what: 'the copy of the image', signal }, (within) => copy(path, target, within))
  }
  await chmod(target, OWNERS_ALONE)
  if (format === 'qcow2' && size > virtualSize) await growDisk(target, 'qcow2', size, signal)
  if (format === 'raw') await grow(target, size)
}

/** Takes no room: both share their blocks. False: the file system cannot, or it fails as a copy will. */
async function clone(from: string, to: string): Promise<boolean> {
  return copyFile(from, to, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  )
}

/** Not Node's copyFile: that fills the holes, and cannot be stopped. */
async function copy(from: string, to: string, signal: AbortSignal): Promise<void> {
  await command('cp', ['--reflink=never', '--sparse=auto', from, to], signal)
}

async function grow(path: string, size: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    if ((await file.stat()).size < size) await file.truncate(size)
  } finally {
    await file.close()
  }
}

const run = promisify(execFile)

const ephemeralCommand = (format: 'ext4' | undefined) =>
  format === undefined ? undefined : ['mkfs.ext4', '-q', '-F', '-E', 'nodiscard', '-L', 'ephemeral0']

/** A sparse raw disk, formatted by a program that is given its path last. */
async function createPlain(
  path: string,
  size: number,
  format: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (await exists(path)) return
  await atomically(path, async (target) => {
    const file = await open(target, 'wx', OWNERS_ALONE)
    try {
      await file.truncate(size)
    } finally {
      await file.close()
    }
    const [program, ...args] = format ?? []
    if (program !== undefined) await command(program, [...args, target], signal)
  })
}

async function command(program: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  await run(program, args, { signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    throw failure(program, error)
  })
}

function failure(program: string, cause: unknown): unknown {
  if (codeOf(cause) === 'ENOENT') return new Terminal('DiskFailed', `the host has no ${program}: install it`, { cause })
  const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
  if (/no space left/i.test(stderr)) return new Transient('DiskFull', `no space to make a disk`, { cause })
  return new Terminal('DiskFailed', `${program} failed: ${stderr.split('\n').at(-1)}`, { cause })
}
